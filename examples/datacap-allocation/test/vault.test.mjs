// Datacap from a verifier to a sector: allocated by a contract, claimed by a provider.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import hre from 'hardhat';

import { amount, cbor, idAddress } from '../../lib/cbor.mjs';
import { DAY, Devnet, HALF_YEAR } from '../../lib/devnet.mjs';
import { pieceOf } from '../../lib/piece.mjs';

const { ethers, network } = hre;
const [UNKNOWN, ALLOCATED, CLAIMED, EXPIRED] = [0n, 1n, 2n, 3n];
const REGISTRY = 'f06';
const ADD_VERIFIER = 2;
const ADD_VERIFIED_CLIENT = 3_916_220_144;
const DATACAP = 8_192n;

describe('a contract with datacap', () => {
  const devnet = new Devnet(network.config.url);
  let sp, vault, stranger;

  /// The bytes of an Ethereum address's Filecoin address.
  const delegated = (address) => Buffer.from(`040a${address.slice(2)}`, 'hex');
  const newPiece = () => pieceOf(randomBytes(1_900));
  const request = async (piece, changes = {}) => ({
    provider: sp.id,
    pieceCid: piece.cidBytes,
    size: piece.size,
    termMin: HALF_YEAR,
    termMax: HALF_YEAR + 90 * DAY,
    expiration: (await devnet.epoch()) + 10 * DAY,
    ...changes,
  });
  const allocate = async (wanted) => {
    const receipt = await (await vault.allocate(wanted)).wait();
    return receipt.logs.map((log) => vault.interface.parseLog(log)).find((log) => log?.name === 'Allocated').args.allocation;
  };
  /// A call that ends with an error of the contract.
  const refuses = async (call, name) => {
    const error = await call.then(() => assert.fail(`${name} is expected`), (error) => error);
    const [data] = /0x[0-9a-f]{8,}/.exec(error.message) ?? assert.fail(error);
    assert.equal(vault.interface.parseError(data)?.name, name);
  };
  const isClaimed = (allocation) =>
    devnet.until('a claim', async () => (await vault.status(allocation)) === CLAIMED);

  before(async () => {
    const [, second] = await ethers.getSigners();
    sp = await devnet.provider();
    vault = await (await ethers.getContractFactory('DatacapVault')).deploy();
    await vault.waitForDeployment();
    stranger = vault.connect(second);

    // The network's root makes an account a verifier, and the verifier gives the contract datacap.
    const root = await devnet.call('Filecoin.StateVerifiedRegistryRootKey', []);
    const { secp256k1: verifier } = (await devnet.call('boatyard_accounts'))[5];
    const id = (await devnet.call('Filecoin.StateLookupID', verifier, [])).slice(2);
    const trusted = cbor([idAddress(id), amount(1n << 30n)]);
    assert.equal((await devnet.sendAs(root, REGISTRY, ADD_VERIFIER, trusted)).ExitCode, 0);
    const given = cbor([delegated(await vault.getAddress()), amount(DATACAP)]);
    assert.equal((await devnet.sendAs(verifier, REGISTRY, ADD_VERIFIED_CLIENT, given)).ExitCode, 0);
  });

  it('has what a verifier gave it, as the token actor tells it', async () => {
    assert.equal(await vault.datacap(), DATACAP);
    const [received] = await vault.queryFilter(vault.filters.DatacapReceived());
    assert.equal(received.args.datacap, DATACAP);
  });

  it('allocates datacap to a piece, which a provider claims with its sector', async () => {
    const piece = newPiece();
    await sp.put(piece);
    const allocation = await allocate(await request(piece));
    assert.equal(await vault.datacap(), DATACAP - BigInt(piece.size));
    await isClaimed(allocation);

    const claims = await devnet.call('Filecoin.StateGetClaims', sp.miner, []);
    const claim = claims[String(allocation)];
    assert.deepEqual([claim.Data['/'], claim.Size], [piece.cid, piece.size]);
    assert.equal(BigInt(claim.Client), await devnet.actorId(await vault.getAddress()));
    const [sector, since] = await vault.sectorOf(allocation);
    assert.deepEqual([sector, since], [BigInt(claim.Sector), BigInt(claim.TermStart)]);

    await (await vault.extend(allocation, claim.TermMax + DAY)).wait();
    assert.equal((await devnet.call('Filecoin.StateGetClaims', sp.miner, []))[String(allocation)].TermMax, claim.TermMax + DAY);
    await refuses(vault.extend.staticCall(allocation, HALF_YEAR), 'ActorFailed');
  });

  it('gets back what nobody claimed in time', async () => {
    // Nobody has the bytes of this piece.
    const piece = newPiece();
    const left = await vault.datacap();
    const allocation = await allocate(await request(piece, { expiration: (await devnet.epoch()) + 100 }));
    assert.equal(await vault.status(allocation), ALLOCATED);
    assert.equal(await stranger.recover.staticCall([allocation]), 0n);
    await devnet.advance(110);
    assert.equal(await vault.status(allocation), EXPIRED);
    await (await stranger.recover([allocation])).wait();
    assert.equal(await vault.datacap(), left);
  });

  it('refuses what the registry refuses, and leaves its datacap alone then', async () => {
    const left = await vault.datacap();
    const refused = async (changes) =>
      refuses(vault.allocate.staticCall(await request(newPiece(), changes)), 'ActorFailed');
    await refused({ termMin: HALF_YEAR - 1 });
    await refused({ provider: 5 });
    await refused({ expiration: (await devnet.epoch()) + 61 * DAY });
    await refused({ size: 16_384 });
    assert.equal(await vault.datacap(), left);
    assert.equal(await vault.status(4_711), UNKNOWN);
  });

  it('obeys its owner only, and takes tokens from the token actor only', async () => {
    const wanted = await request(newPiece());
    await refuses(stranger.allocate.staticCall(wanted), 'NotTheOwner');
    await refuses(stranger.extend.staticCall(1, HALF_YEAR), 'NotTheOwner');
    await refuses(stranger.handle_filecoin_method.staticCall(3_726_118_371, 0x51, '0x80'), 'NotTheDatacapToken');
  });
});
