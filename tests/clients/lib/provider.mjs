// A storage provider driven by hand: a miner whose owner is a contract, and sectors for it.
//
// Its nodes run with `--proofs accept`: nothing is sealed here, so proofs are words. Everything
// else that the actors check of a sector is as always.
import { randomBytes } from 'node:crypto';

import { Cid, act, addressBytes, cbor, fil, idOf } from './filecoin.mjs';

/// Window PoSt of 2 KiB sectors (V1P1). The package's list of names ends before it.
export const WINDOW_2KIB = 10;
export const SECTOR_SIZE = 2048;
/// 180 days: the shortest deal, term of an allocation and life of a sector.
export const HALF_YEAR = 518_400;
const SEAL_2KIB = 5;
const CHALLENGE_DELAY = 10;
const PRE_COMMIT = 28;
const PROVE_COMMIT = 34;

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

function cidOf(prefix, digest) {
  let bits = '';
  for (const byte of Buffer.concat([Buffer.from(prefix, 'hex'), digest])) bits += byte.toString(2).padStart(8, '0');
  return `b${bits.match(/.{1,5}/g).map((five) => letters[parseInt(five.padEnd(5, '0'), 2)]).join('')}`;
}

function digest() {
  const bytes = randomBytes(32);
  bytes[31] &= 0x3f;
  return bytes;
}

/// The CID of some piece, and of a sector that holds only it.
export const somePiece = () => cidOf('0181e203922020', digest());
const someReplica = () => cidOf('0182e20381e80220', digest());

/// A BLS account that can be a worker; the node holds its key.
export async function newWorker(chain) {
  const worker = await chain.call('Filecoin.WalletNew', 'bls');
  const { ExitCode } = await chain.send(await payer(chain), worker, 0, undefined, 10n ** 20n);
  if (ExitCode !== 0) throw new Error(`the worker was not made: ${ExitCode}`);
  return worker;
}

/// The address of a development account's key.
export async function payer(chain, index = 9) {
  return (await chain.call('boatyard_accounts'))[index].secp256k1;
}

/// Parameters of PowerAPI.createMiner.
export function minerParams(owner, worker) {
  return {
    owner: fil(owner),
    worker: fil(worker),
    window_post_proof_type: WINDOW_2KIB,
    peer: { data: '0x0102' },
    multiaddrs: [{ data: '0x0304' }],
  };
}

/// Makes a miner through a `Power` contract: `{ address, id, worker }`.
export async function createMiner(chain, power, owner, value = 10n ** 20n) {
  const worker = await newWorker(chain);
  const before = await chain.call('Filecoin.StateListMiners', []);
  const { exit } = await act(power, 'createMiner', minerParams(owner, worker), { value });
  if (exit !== 0) throw new Error(`the miner was not made: ${exit}`);
  const address = (await chain.call('Filecoin.StateListMiners', [])).find((miner) => !before.includes(miner));
  return { address, id: idOf(address), worker };
}

let sectors = 0;

/// Pre-commits a sector that holds one piece, waits for its challenge and proves it. Gives the
/// receipt of ProveCommitSectors3 and the sector's number.
export async function onboard(chain, miner, { piece, expiration, claim = null, notify = [], mustAccept = true }) {
  const number = ++sectors;
  const epoch = await chain.epoch();
  const preCommit = [SEAL_2KIB, number, new Cid(someReplica()), Math.max(epoch - 5, 0), [], expiration, new Cid(piece)];
  const committed = await chain.send(miner.worker, miner.address, PRE_COMMIT, cbor([[preCommit]]));
  if (committed.ExitCode !== 0) throw new Error(`pre-commit of sector ${number}: ${committed.ExitCode}`);
  await chain.advance(CHALLENGE_DELAY + 1);
  const receivers = notify.map(({ address, payload }) => [addressBytes(address), payload]);
  const manifest = [number, [[new Cid(piece), SECTOR_SIZE, claim, receivers]]];
  const proof = Buffer.alloc(192, 1);
  const params = cbor([[manifest], [proof], Buffer.alloc(0), null, true, mustAccept]);
  return { number, receipt: await chain.send(miner.worker, miner.address, PROVE_COMMIT, params) };
}
