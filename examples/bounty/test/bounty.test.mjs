// A provider wins a bounty by storing its piece, is paid while it does, and loses the rest.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import hre from 'hardhat';

import { bitfield, cbor } from '../../lib/cbor.mjs';
import { DAY, Devnet, HALF_YEAR } from '../../lib/devnet.mjs';
import { pieceOf } from '../../lib/piece.mjs';

const { ethers, network } = hre;
const [OPEN, WON, CLOSED] = [1n, 2n, 3n];
const [DEAD, ACTIVE, FAULTY] = [0, 1, 2];
const GENERATE_SECTOR_LOCATION = 1_321_604_665;
const TERMINATE_SECTORS = 9;
const SECTOR_CONTENT_CHANGED = 2_034_386_435;
const DURATION = 30 * DAY;
const MONEY = ethers.parseEther('10');
const ADVANCE = ethers.parseEther('1');

describe('a bounty', () => {
  const devnet = new Devnet(network.config.url);
  const piece = pieceOf(randomBytes(1_900));
  let sp, bounty, sponsor, anybody, address, id, sector;

  const post = async (wanted, duration = DURATION) => {
    await (await bounty.post(wanted.cidBytes, wanted.size, duration, ADVANCE, { value: MONEY })).wait();
    return bounty.count();
  };
  /// Has the provider seal a piece and tell the contract, for the bounty that `payload` names.
  const order = async (wanted, payload) => {
    await sp.put(wanted);
    const notify = [{ address, payload: ethers.toBeHex(payload, 32) }];
    return (await sp.post('/favours', { piece_cid: wanted.cid, duration: HALF_YEAR, notify })).order;
  };
  const becomes = (number, state) =>
    devnet.until(`an order that is ${state}`, async () => {
      const now = await sp.order(number);
      return now.state === state && now;
    }, { step: 1 });
  /// The contract says no: the provider proves its sector without telling it.
  const refusesSector = (number) => assert.rejects(becomes(number, 'active'), /failed: .*refused a piece/);
  /// Where the miner says that a sector is, and how it is: `[status, location]`.
  const locate = async () => {
    const params = cbor([sector]).toString('base64');
    const from = await devnet.call('Filecoin.EthAddressToFilecoinAddress', await anybody.getAddress());
    const message = { From: from, To: sp.miner, Method: GENERATE_SECTOR_LOCATION, Params: params };
    const { MsgRct } = await devnet.call('Filecoin.StateCall', message, []);
    const answer = Buffer.from(MsgRct.Return, 'base64');
    // [status, bytes]: both are short enough for one-byte headers.
    return [answer[1], answer.subarray(3)];
  };
  const minerBalance = async () => BigInt((await devnet.call('Filecoin.StateGetActor', sp.miner, [])).Balance);
  /// A call that ends with an error of the contract.
  const refuses = async (call, name) => {
    const error = await call.then(() => assert.fail(`${name} is expected`), (error) => error);
    const [data] = /0x[0-9a-f]{8,}/.exec(error.message) ?? assert.fail(error);
    assert.equal(bounty.interface.parseError(data)?.name, name);
  };
  const log = (receipt, name) =>
    receipt.logs.map((one) => bounty.interface.parseLog(one)).find((one) => one?.name === name)?.args;

  before(async () => {
    [sponsor, anybody] = await ethers.getSigners();
    sp = await devnet.provider();
    bounty = await (await ethers.getContractFactory('Bounty')).deploy();
    await bounty.waitForDeployment();
    const target = await devnet.call('Filecoin.EthAddressToFilecoinAddress', await bounty.getAddress());
    // Providers are told an actor's ID.
    address = `f${(await devnet.call('Filecoin.StateLookupID', target, [])).slice(1)}`;
    id = await post(piece);
  });

  it('is not won by another piece, nor by a promise that is too short', async () => {
    await refusesSector(await order(pieceOf(randomBytes(1_900)), id));
    assert.equal((await bounty.bounty(id)).stage, OPEN);
    const long = await post(piece, 10 * HALF_YEAR);
    await refusesSector(await order(piece, long));
    assert.equal((await bounty.bounty(long)).stage, OPEN);
  });

  it('is not won by a wallet that speaks like a miner', async () => {
    const [wallet] = (await devnet.call('boatyard_accounts')).map((account) => account.secp256k1);
    const change = [[1, 10_000_000, [[{ encoded: Buffer.concat([Buffer.from('d82a582800', 'hex'), piece.cidBytes]) }, piece.size, Buffer.from(ethers.toBeHex(id, 32).slice(2), 'hex')]]]];
    const { ExitCode } = await devnet.sendAs(wallet, address, SECTOR_CONTENT_CHANGED, cbor(change));
    assert.notEqual(ExitCode, 0);
    assert.equal((await bounty.bounty(id)).stage, OPEN);
  });

  it('is won by the provider that stores the piece, who is paid an advance', async () => {
    ({ sector } = await becomes(await order(piece, id), 'active'));
    const won = await bounty.bounty(id);
    assert.deepEqual([won.stage, won.miner, won.sector], [WON, sp.id, BigInt(sector)]);
    assert.equal(await ethers.provider.getBalance(bounty), 2n * MONEY - ADVANCE);
    const [paid] = await bounty.queryFilter(bounty.filters.Paid(id));
    assert.deepEqual([paid.args.miner, paid.args.amount], [sp.id, ADVANCE]);
  });

  it('pays what has vested, if the sector is where and how it is said to be', async () => {
    await devnet.advance(2 * DAY);
    const [status, location] = await locate();
    assert.equal(status, ACTIVE);
    await refuses(bounty.collect.staticCall(id, Buffer.from('822020', 'hex')), 'MinerFailed');
    await refuses(bounty.collect.staticCall(id, Buffer.from('00', 'hex')), 'MinerFailed');
    const before = await minerBalance();
    const { amount } = log(await (await bounty.connect(anybody).collect(id, location)).wait(), 'Paid');
    const passed = BigInt(await ethers.provider.getBlockNumber()) - (await bounty.bounty(id)).since;
    const rest = MONEY - ADVANCE;
    const expected = (rest * passed) / BigInt(DURATION);
    const epoch = rest / BigInt(DURATION) + 1n;
    assert.ok(amount <= expected + epoch && amount >= expected - epoch, `${amount} of about ${expected}`);
    // Block rewards and fees of PoSts move the balance too, by less.
    assert.ok((await minerBalance()) >= before + amount);
  });

  it('is not clawed back while the sector is proven', async () => {
    const [, location] = await locate();
    await refuses(bounty.clawBack.staticCall(id, ACTIVE, location), 'StillStored');
    await refuses(bounty.clawBack.staticCall(id, FAULTY, location), 'NotSo');
    await refuses(bounty.clawBack.staticCall(id, DEAD, location), 'NotSo');
  });

  it('goes back to the sponsor when the sector is faulty', async () => {
    await sp.post('/control/lose-sector', { sector });
    await devnet.until('a fault', async () => (await locate())[0] === FAULTY, { step: 60, epochs: 2 * DAY });
    const [status, location] = await locate();
    await refuses(bounty.collect.staticCall(id, location), 'NotSo');
    const { vesting, paid } = await bounty.bounty(id);
    const before = await ethers.provider.getBalance(sponsor);
    const receipt = await (await bounty.connect(anybody).clawBack(id, status, location)).wait();
    assert.equal(log(receipt, 'ClawedBack').amount, vesting - paid);
    assert.equal(await ethers.provider.getBalance(sponsor), before + vesting - paid);
    assert.equal((await bounty.bounty(id)).stage, CLOSED);
    await refuses(bounty.clawBack.staticCall(id, status, location), 'WrongStage');
  });

  it('goes back to the sponsor when the sector ends early', async () => {
    const other = pieceOf(randomBytes(1_900));
    const next = await post(other);
    ({ sector } = await becomes(await order(other, next), 'active'));
    const [, location] = await locate();
    // [deadline, partition]; deadlines above 23 take a byte more.
    const deadline = location[1] === 0x18 ? location[2] : location[1];
    const params = cbor([[[deadline, 0, bitfield(sector)]]]);
    // Not while the sector's deadline is the present or the next one.
    await devnet.until('a termination', async () =>
      (await devnet.sendAs(sp.worker, sp.miner, TERMINATE_SECTORS, params)).ExitCode === 0, { step: 60 });
    const [status, gone] = await locate();
    assert.equal(status, DEAD);
    await refuses(bounty.collect.staticCall(next, gone), 'NotSo');
    await refuses(bounty.clawBack.staticCall(next, FAULTY, gone), 'NotSo');
    const receipt = await (await bounty.connect(anybody).clawBack(next, status, gone)).wait();
    assert.equal(log(receipt, 'ClawedBack').amount, MONEY - ADVANCE);
  });

  it('that nobody has won goes back to its sponsor alone', async () => {
    const open = await post(pieceOf(randomBytes(100)));
    await refuses(bounty.connect(anybody).withdraw.staticCall(open), 'NotTheSponsor');
    const held = await ethers.provider.getBalance(bounty);
    await (await bounty.withdraw(open)).wait();
    assert.equal(await ethers.provider.getBalance(bounty), held - MONEY);
    await refuses(bounty.withdraw.staticCall(open), 'WrongStage');
  });
});
