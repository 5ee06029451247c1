// PowerAPI, MinerAPI, and SectorContentChanged told to a contract.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { JsonRpcProvider, Wallet, parseEther } from 'ethers';

import { Cid, Filecoin, act, big, cbor, cidBytes, deploy, fil } from '../lib/filecoin.mjs';
import { keys, startNode } from '../lib/node.mjs';
import { HALF_YEAR, SECTOR_SIZE, createMiner, minerParams, newWorker, onboard, payer, somePiece } from '../lib/provider.mjs';
import { compile } from '../lib/solidity.mjs';

const { Power } = compile('filecoin/Power.sol');
const { Miner } = compile('filecoin/Miner.sol');
const { Watcher } = compile('filecoin/Watcher.sol');
/// An actor that does not exist.
const NOBODY = 999_999n;
const KEY_CHANGE_DELAY = 900;
const SECTOR_CONTENT_CHANGED = 2034386435;

describe('power and miners from Solidity', () => {
  let node, provider, wallet, chain, power, owner, stranger, ownerAddress, miner;

  const addressOf = (contract) => chain.call('Filecoin.EthAddressToFilecoinAddress', contract.target);
  const info = () => chain.call('Filecoin.StateMinerInfo', miner.address, []);

  before(async () => {
    node = await startNode('--proofs', 'accept');
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    provider.pollingInterval = 50;
    wallet = new Wallet(keys[0], provider);
    chain = new Filecoin(node.url);
    power = await deploy(Power, wallet);
    owner = await deploy(Miner, wallet);
    stranger = await deploy(Miner, wallet);
    ownerAddress = await addressOf(owner);
    miner = await createMiner(chain, power, ownerAddress);
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  describe('PowerAPI', () => {
    it('creates a miner', async () => {
      const worker = await newWorker(chain);
      const before = await chain.state('f04');
      const made = await act(power, 'createMiner', minerParams(ownerAddress, worker), { value: parseEther('10') });
      assert.equal(made.exit, 0);
      const address = (await chain.call('Filecoin.StateListMiners', [])).at(-1);
      const { Owner, Worker, SectorSize, PeerId, Multiaddrs } = await chain.call('Filecoin.StateMinerInfo', address, []);
      assert.deepEqual([Owner, Worker], [await chain.id(ownerAddress), await chain.id(worker)]);
      assert.equal(SectorSize, SECTOR_SIZE);
      assert.ok(PeerId);
      assert.deepEqual(Multiaddrs, ['AwQ=']);
      assert.equal(made.result.id_address.data, fil(address).data);
      assert.equal((await chain.state('f04')).MinerCount, before.MinerCount + 1);
      const { Balance } = await chain.call('Filecoin.StateGetActor', address, []);
      assert.equal(BigInt(Balance), parseEther('10'));
    });

    it('creates no miner without a deposit, nor with a worker that is no account', async () => {
      const { MinerCount } = await chain.state('f04');
      const poor = await act(power, 'createMiner', minerParams(ownerAddress, miner.worker), { value: 0n });
      assert.equal(poor.exit, 19);
      const wrong = await act(power, 'createMiner', minerParams(ownerAddress, ownerAddress), { value: parseEther('10') });
      assert.equal(wrong.exit, 16);
      assert.equal((await chain.state('f04')).MinerCount, MinerCount);
    });

    it('counts miners and power', async () => {
      const state = await chain.state('f04');
      assert.deepEqual([...(await power.minerCount())], [0n, BigInt(state.MinerCount)]);
      assert.deepEqual([...(await power.minerConsensusCount())], [0n, BigInt(state.MinerAboveMinPowerCount)]);
      const [exit, raw] = await power.networkRawPower();
      assert.deepEqual([exit, big(raw)], [0n, BigInt(state.TotalRawBytePower)]);
    });

    it('tells the power of a miner', async () => {
      const { MinerPower } = await chain.call('Filecoin.StateMinerPower', miner.address, []);
      const [exit, claim] = await power.minerRawPower(miner.id);
      assert.equal(exit, 0n);
      assert.equal(big(claim.raw_byte_power), BigInt(MinerPower.RawBytePower));
      assert.equal(claim.meets_consensus_minimum, false);
    });

    it('knows no power of others', async () => {
      assert.equal((await power.minerRawPower(NOBODY))[0], 16n);
    });
  });

  describe('MinerAPI getters', () => {
    it('tell what the state says', async () => {
      const { Owner, Beneficiary, PeerId, Multiaddrs } = await info();
      const bytes = (text) => fil(text).data;
      const [, of] = await owner.getOwner(miner.id);
      assert.deepEqual([of.owner.data, of.proposed.data], [bytes(Owner), '0x']);
      const [, beneficiary] = await owner.getBeneficiary(miner.id);
      assert.equal(beneficiary.active.beneficiary.data, bytes(Beneficiary));
      assert.deepEqual(
        [big(beneficiary.active.term.quota), beneficiary.active.term.expiration, beneficiary.proposed.new_expiration],
        [0n, 0n, 0n],
      );
      assert.deepEqual([...(await owner.getSectorSize(miner.id))], [0n, BigInt(SECTOR_SIZE)]);
      assert.deepEqual([...(await owner.isControllingAddress(miner.id, fil(miner.worker)))], [0n, true]);
      assert.deepEqual([...(await owner.isControllingAddress(miner.id, fil(await payer(chain))))], [0n, false]);
      const [, available] = await owner.getAvailableBalance(miner.id);
      const expected = await chain.call('Filecoin.StateMinerAvailableBalance', miner.address, []);
      assert.equal(big(available), BigInt(expected));
      const [, peer] = await owner.getPeerId(miner.id);
      assert.equal(peer.data, '0x0102');
      assert.ok(PeerId);
      const [, multiaddrs] = await owner.getMultiaddresses(miner.id);
      assert.deepEqual(multiaddrs.map(({ data }) => data), Multiaddrs.map(hexOfBase64));
    });

    it('tell how the creation deposit vests', async () => {
      const [exit, funds] = await owner.getVestingFunds(miner.id);
      assert.equal(exit, 0n);
      const { LockedFunds } = await chain.state(miner.address);
      assert.equal(funds.reduce((sum, { amount }) => sum + big(amount), 0n), BigInt(LockedFunds));
      assert.ok(funds.length > 100, `${funds.length} entries`);
    });

    it('fail where there is no miner', async () => {
      const getters = ['getOwner', 'getSectorSize', 'getAvailableBalance', 'getVestingFunds'];
      getters.push('getBeneficiary', 'getPeerId', 'getMultiaddresses');
      for (const name of getters) {
        assert.equal((await owner[name](NOBODY))[0], -6n, name);
        await assert.rejects(owner[name](5n), /InvalidActorID/, name);
      }
      assert.equal((await owner.isControllingAddress(NOBODY, fil(miner.worker)))[0], -6n);
      const unknown = { data: `0x040a${'17'.repeat(20)}` };
      assert.deepEqual([...(await owner.isControllingAddress(miner.id, unknown))], [0n, false]);
    });
  });

  describe('MinerAPI of the owner', () => {
    /// Each of these changes something for the owner and is forbidden to a stranger.
    const forbidden = async (name, ...args) => {
      const before = await info();
      assert.equal((await act(stranger, name, miner.id, ...args)).exit, 18, name);
      assert.deepEqual(await info(), before);
    };
    const allowed = async (name, ...args) => {
      const done = await act(owner, name, miner.id, ...args);
      assert.equal(done.exit, 0, name);
      return done;
    };

    it('changes the peer ID', async () => {
      await forbidden('changePeerId', { data: '0x0a0b' });
      await allowed('changePeerId', { data: '0x0a0b' });
      assert.equal((await owner.getPeerId(miner.id))[1].data, '0x0a0b');
      assert.equal((await act(owner, 'changePeerId', miner.id, { data: `0x${'01'.repeat(129)}` })).exit, 16);
    });

    it('changes the addresses of its node', async () => {
      await forbidden('changeMultiaddresses', [{ data: '0x0c0d' }]);
      await allowed('changeMultiaddresses', [{ data: '0x0c0d' }]);
      assert.deepEqual((await info()).Multiaddrs.map(hexOfBase64), ['0x0c0d']);
      assert.equal((await act(owner, 'changeMultiaddresses', miner.id, [{ data: '0x' }])).exit, 16);
    });

    it('repays debt', async () => {
      await forbidden('repayDebt');
      await allowed('repayDebt');
      assert.equal((await chain.state(miner.address)).FeeDebt, '0');
    });

    it('withdraws', async () => {
      await forbidden('withdrawBalance', 1000n);
      const balance = async () => BigInt((await chain.call('Filecoin.StateGetActor', ownerAddress, [])).Balance);
      const before = await balance();
      const { result } = await allowed('withdrawBalance', 1000n);
      assert.equal(big(result), 1000n);
      assert.equal(await balance(), before + 1000n);
    });

    it('changes the worker and who else controls the miner', async () => {
      const worker = await newWorker(chain);
      const params = { new_worker: fil(worker), new_control_addresses: [fil(await addressOf(stranger))] };
      await forbidden('changeWorkerAddress', params);
      await allowed('changeWorkerAddress', params);
      const pending = await info();
      assert.deepEqual(pending.ControlAddresses, [await chain.id(await addressOf(stranger))]);
      assert.equal(pending.NewWorker, await chain.id(worker));
      assert.equal(pending.Worker, await chain.id(miner.worker));

      await forbidden('confirmChangeWorkerAddress');
      await allowed('confirmChangeWorkerAddress');
      assert.equal((await info()).Worker, await chain.id(miner.worker), 'it is too early');
      await chain.advance(KEY_CHANGE_DELAY);
      await allowed('confirmChangeWorkerAddress');
      assert.equal((await info()).Worker, await chain.id(worker));
      miner.worker = worker;
      await allowed('changeWorkerAddress', { new_worker: fil(worker), new_control_addresses: [] });
    });

    it('names a beneficiary, who agrees', async () => {
      const nominee = await addressOf(stranger);
      const terms = [fil(nominee), 5000n, 100_000n];
      await forbidden('changeBeneficiary', ...terms);
      assert.equal((await act(owner, 'changeBeneficiary', miner.id, fil(nominee), 0n, 100_000n)).exit, 16);
      await allowed('changeBeneficiary', ...terms);
      const [, { proposed }] = await owner.getBeneficiary(miner.id);
      assert.equal(proposed.new_beneficiary.data, fil(await chain.id(nominee)).data);
      assert.deepEqual(
        [big(proposed.new_quota), proposed.new_expiration, proposed.approved_by_beneficiary, proposed.approved_by_nominee],
        [5000n, 100_000n, true, false],
      );
      assert.equal((await act(stranger, 'changeBeneficiary', miner.id, ...terms)).exit, 0);
      const { Beneficiary, BeneficiaryTerm } = await info();
      assert.equal(Beneficiary, await chain.id(nominee));
      assert.deepEqual([BeneficiaryTerm.Quota, BeneficiaryTerm.Expiration], ['5000', 100_000]);
    });

    it('hands the miner over, last', async () => {
      const heir = await chain.id(await addressOf(stranger));
      await forbidden('changeOwnerAddress', fil(heir));
      assert.equal((await act(owner, 'changeOwnerAddress', miner.id, fil(await addressOf(stranger)))).exit, 16);
      await allowed('changeOwnerAddress', fil(heir));
      assert.equal((await owner.getOwner(miner.id))[1].proposed.data, fil(heir).data);
      assert.equal((await act(stranger, 'changeOwnerAddress', miner.id, fil(heir))).exit, 0);
      assert.equal((await info()).Owner, heir);
    });
  });

  describe('SectorContentChanged', () => {
    let watcher, watcherAddress;
    const expiration = async () => (await chain.epoch()) + HALF_YEAR + 100_000;
    const payload = Buffer.from('for the harbour');

    before(async () => {
      watcher = await deploy(Watcher, wallet);
      watcherAddress = await addressOf(watcher);
    });

    const answer = async (which) => (await watcher.willAnswer(which)).wait();
    const told = async () => (await watcher.queryFilter(watcher.filters.Piece(), 0)).map(({ args }) => args);

    it('reaches a contract that accepts the piece', async () => {
      await answer(0);
      const [piece, until] = [somePiece(), await expiration()];
      const notify = [{ address: watcherAddress, payload }];
      const { number, receipt } = await onboard(chain, miner, { piece, expiration: until, notify });
      assert.equal(receipt.ExitCode, 0);
      const [event] = await told();
      assert.deepEqual(
        [event.miner, event.sector, event.until, event.data, event.size, event.payload],
        [
          miner.id,
          BigInt(number),
          BigInt(until),
          `0x00${cidBytes(piece).toString('hex')}`,
          BigInt(SECTOR_SIZE),
          `0x${payload.toString('hex')}`,
        ],
      );
      assert.equal(await watcher.pieces(), 1n);
      const sector = await chain.call('Filecoin.StateSectorGetInfo', miner.address, number, []);
      assert.equal(sector.Expiration, until);
    });

    it('stops the sector where the contract refuses and must agree', async () => {
      const notify = [{ address: watcherAddress, payload }];
      await answer(1);
      const refused = await onboard(chain, miner, { piece: somePiece(), expiration: await expiration(), notify });
      assert.equal(refused.receipt.ExitCode, 1004);
      await answer(2);
      const reverted = await onboard(chain, miner, { piece: somePiece(), expiration: await expiration(), notify });
      assert.equal(reverted.receipt.ExitCode, 1002);
      assert.equal((await told()).length, 1);
      for (const { number } of [refused, reverted]) {
        assert.equal(await chain.call('Filecoin.StateSectorGetInfo', miner.address, number, []), null);
      }
    });

    it('does not stop it where the contract need not agree', async () => {
      await answer(1);
      const notify = [{ address: watcherAddress, payload }];
      const sector = { piece: somePiece(), expiration: await expiration(), notify, mustAccept: false };
      const { number, receipt } = await onboard(chain, miner, sector);
      assert.equal(receipt.ExitCode, 0);
      assert.ok(await chain.call('Filecoin.StateSectorGetInfo', miner.address, number, []));
      assert.equal((await told()).length, 2);
      assert.equal(await watcher.pieces(), 1n);
    });
  });
});

function hexOfBase64(text) {
  return `0x${Buffer.from(text, 'base64').toString('hex')}`;
}
