// The five stories of a storage devnet, as people and programs live them: the `boatyard` command,
// cast, ethers, and plain HTTP, on one node with two storage providers. The contracts of the second
// story are examples/, with suites of their own.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { JsonRpcProvider } from 'ethers';

import { rpc, run, startNode } from '../lib/node.mjs';

const DAY = 2_880;

describe('the life of a deal', () => {
  let node, folder, provider, urls, deal;
  const file = (name) => join(folder, name);
  const boatyard = (...args) => run('boatyard', ...args, '--rpc', node.url, '--json');
  const json = async (...args) => JSON.parse(await boatyard(...args));
  const last = async (...args) => JSON.parse((await boatyard(...args)).split('\n').at(-1));
  const ask = async (method, ...params) => {
    const { result, error } = await rpc(node.url, method, params);
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return result;
  };
  const faults = () => json('miner', 'faults', 'f01000');
  const sectorOnChain = (number) => ask('Filecoin.StateSectorGetInfo', 'f01000', number, null);
  const bytes = (length, seed) => Uint8Array.from({ length }, (_, index) => (index * seed + (index >> 3)) & 0xff);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boatyard-stories-'));
    node = await startNode('--providers', '2', '--provider-port', '0');
    provider = new JsonRpcProvider(node.url, undefined, { staticNetwork: true });
    urls = Object.fromEntries((await ask('boatyard_providers')).map(({ miner, url }) => [miner, url]));
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  it('1: keeps a file, and gives it back to everybody', async () => {
    await writeFile(file('mars.jpg'), bytes(1_500, 7));
    deal = await last('deal', 'make', file('mars.jpg'), '--provider', 'f01000', '--price', '20 nanoFIL');
    assert.equal(deal.provider, 'f01000');
    assert.equal(deal.end_epoch - deal.start_epoch, 180 * DAY);
    assert.ok(BigInt(deal.cost) > 0n);

    const onChain = await ask('Filecoin.StateMarketStorageDeal', deal.deal_id, null);
    assert.equal(onChain.Proposal.PieceCID['/'], deal.piece_cid);
    assert.ok(onChain.State.SectorStartEpoch > 0);
    assert.ok(await sectorOnChain(deal.sector));
    assert.equal((await json('deal', 'status', String(deal.deal_id))).state, 'active');
    assert.ok((await json('deal', 'list')).some((one) => one.ipfs_cid === deal.ipfs_cid));

    await json('retrieve', deal.ipfs_cid, '-o', file('out.jpg'));
    assert.deepEqual(await readFile(file('out.jpg')), await readFile(file('mars.jpg')));
    const plain = await fetch(`${urls.f01000}/ipfs/${deal.ipfs_cid}`);
    assert.deepEqual(new Uint8Array(await plain.arrayBuffer()), bytes(1_500, 7));
    const piece = await fetch(`${urls.f01000}/piece/${deal.piece_cid}`);
    assert.equal(piece.status, 200);
  });

  it('3: half a year passes, and every day of it is proven', { timeout: 600_000 }, async () => {
    const before = await provider.getBlockNumber();
    await json('warp', '--days', '170');
    assert.equal((await provider.getBlockNumber()) - before, 170 * DAY);
    assert.deepEqual(await faults(), []);
    assert.deepEqual((await json('check')).violations, []);
    assert.equal((await json('deal', 'status', String(deal.deal_id))).state, 'active');
    const burnt = await run('cast', 'rpc', '--rpc-url', node.url, 'Filecoin.StateGetActor', '["f099", null]', '--raw');
    assert.match(burnt, /"Balance"/);
  });

  it('4: a lost sector is faulty until it is restored', { timeout: 600_000 }, async () => {
    await writeFile(file('venus.jpg'), bytes(900, 11));
    deal = await last('deal', 'make', file('venus.jpg'), '--provider', 'f01000');
    const sector = String(deal.sector);
    await json('provider', 'lose-sector', sector, '--provider', 'f01000');
    await json('warp', '--days', '2');
    assert.deepEqual((await faults()).map((fault) => fault.sector), [deal.sector]);
    const gone = await fetch(`${urls.f01000}/ipfs/${deal.ipfs_cid}`);
    assert.ok(gone.status >= 400, `${gone.status}`);

    // A sector holds the only copy: whoever has the file hands it in again.
    await json('provider', 'restore-sector', sector, '--file', file('venus.jpg'), '--provider', 'f01000');
    await json('warp', '--days', '3');
    assert.deepEqual(await faults(), []);
  });

  it('4: a wrong proof is disputed', { timeout: 600_000 }, async () => {
    const penalties = async () => BigInt((await ask('Filecoin.StateGetActor', 'f099', null)).Balance);
    const before = await penalties();
    await json('provider', 'bad-proof', 'on', '--provider', 'f01000');
    await json('warp', '--days', '2');
    assert.notDeepEqual(await faults(), []);
    assert.ok((await penalties()) > before);
    await json('provider', 'bad-proof', 'off', '--provider', 'f01000');
    await json('warp', '--days', '3');
    assert.deepEqual(await faults(), []);
  });

  it('4: who stops proving loses the sectors, the collateral and the deal', { timeout: 600_000 }, async () => {
    const snapshot = await ask('evm_snapshot');
    await json('provider', 'stop', '--provider', 'f01000');
    await json('warp', '--days', '50');
    const status = await json('deal', 'status', String(deal.deal_id));
    assert.equal(status.state, 'slashed');
    const active = await ask('Filecoin.StateMinerActiveSectors', 'f01000', null);
    assert.ok(!active.some(({ SectorNumber }) => SectorNumber === deal.sector));
    assert.deepEqual((await json('check')).violations, []);
    await ask('evm_revert', snapshot);
    await json('provider', 'resume', '--provider', 'f01000');
    await json('warp', '--days', '1');
    assert.equal((await json('deal', 'status', String(deal.deal_id))).state, 'active');
  });

  it('5: data goes into committed capacity, which may be proven without announcing it', { timeout: 600_000 }, async () => {
    const [pledged] = (await json('provider', 'pledge', '--non-interactive', '--provider', 'f01001')).sectors;
    await json('warp', '--days', '2');
    const before = await ask('Filecoin.StateSectorGetInfo', 'f01001', pledged, null);
    assert.ok(before);
    await writeFile(file('pluto.jpg'), bytes(700, 13));
    const into = await last(
      'deal', 'make', file('pluto.jpg'), '--provider', 'f01001', '--into', 'committed-capacity',
    );
    const after = await ask('Filecoin.StateSectorGetInfo', 'f01001', into.sector, null);
    assert.notEqual(after.SectorKeyCID, null);
    await json('retrieve', into.ipfs_cid, '-o', file('pluto.out'), '--provider', 'f01001');
    assert.deepEqual(await readFile(file('pluto.out')), await readFile(file('pluto.jpg')));

    const expiration = after.Expiration + 100 * DAY;
    await json('provider', 'extend', String(into.sector), '--expiration', String(expiration), '--provider', 'f01001');
    await json('warp', '--days', '2');
    const extended = await ask('Filecoin.StateSectorGetInfo', 'f01001', into.sector, null);
    assert.ok(extended.Expiration >= expiration, `${extended.Expiration}`);
    assert.deepEqual(await json('miner', 'faults', 'f01001'), []);
  });

  it('5: who signs two blocks of one epoch is reported and pays', async () => {
    const eligible = async () => (await ask('Filecoin.StateMinerInfo', 'f01001', null)).ConsensusFaultElapsed;
    assert.equal(await eligible(), -1);
    // Two providers draw lots for the blocks: in 40 epochs each of them wins some.
    await ask('hardhat_mine', '0x28');
    await json('provider', 'double-sign', '--provider', 'f01001');
    await json('warp', '--epochs', '5');
    const head = await provider.getBlockNumber();
    assert.ok((await eligible()) > head);
    await ask('hardhat_mine', '0x14');
    for (let epoch = head + 1; epoch <= head + 20; epoch++) {
      const { Blocks } = await ask('Filecoin.ChainGetTipSetByHeight', epoch, null);
      assert.deepEqual(Blocks.map(({ Miner }) => Miner.slice(1)), ['01000']);
    }
    assert.deepEqual((await json('check')).violations, []);
  });
});
