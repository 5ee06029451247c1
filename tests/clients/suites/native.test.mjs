// A native Rust actor: built, installed, called by name, from a contract, and calling one.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { rpc, run, startNode } from '../lib/node.mjs';

const examples = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'examples');
const artefact = join(examples, 'solidity-and-native', 'artifacts', 'CounterClient.json');

describe('a native actor', () => {
  let node, actor, client;
  const boatyard = async (...args) => JSON.parse(await run('boatyard', ...args, '--rpc', node.url, '--json'));

  before(async () => {
    node = await startNode();
    actor = (await boatyard('deploy', join(examples, 'native-counter'))).address;
    client = (await boatyard('deploy', artefact, actor.slice(2))).address;
  });
  after(() => node?.stop());

  it('is called by method name and answers with a decoded value', async () => {
    const sent = await boatyard('send', actor, 'Add', 'by=5');
    assert.deepEqual([sent.exit_code, sent.return], [0, 5]);
    assert.equal((await boatyard('call', actor, 'Get')).return, 5);
  });

  it('emits events that are decoded', async () => {
    const { events } = await boatyard('send', actor, 'Add', '2');
    assert.deepEqual([events[0].name, events[0].fields.by, events[0].fields.sum], ['added', 2, 7]);
  });

  it('is called by a contract', async () => {
    await boatyard('send', client, 'add', '3', '--abi', artefact);
    assert.equal((await boatyard('call', actor, 'Get')).return, 10);
    assert.equal(BigInt((await boatyard('call', client, 'get', '--abi', artefact)).return), 10n);
  });

  it('calls a contract', async () => {
    const sent = await boatyard('send', actor, 'Report', `to=${client}`);
    assert.deepEqual([sent.exit_code, sent.return], [0, 20]);
    assert.equal(BigInt((await boatyard('call', client, 'lastReport', '--abi', artefact)).return), 10n);
  });

  it('shows every call in a trace, with names, values, events and gas', async () => {
    const { hash } = await boatyard('send', actor, 'Report', `to=${client}`);
    const text = await run('boatyard', 'trace', hash, '--rpc', node.url);
    for (const part of [/counter\.Report/, /evm\.reported/, /returns 20/, /gas/]) assert.match(text, part);
    const trace = await boatyard('trace', hash);
    assert.ok(JSON.stringify(trace).includes('Report'));
  });

  it('fails with its own exit code by name', async () => {
    const max = (2n ** 64n - 1n).toString();
    const failure = await run('boatyard', 'send', actor, 'Add', `by=${max}`, '--rpc', node.url).then(
      () => assert.fail('it succeeded'),
      (error) => error.message,
    );
    assert.match(failure, /COUNT_TOO_LARGE/);
  });

  it('keeps its state where everybody can read it', async () => {
    const state = await boatyard('state', actor);
    assert.ok(JSON.stringify(state).includes('"count":10'));
  });

  it('is refused when its code is no Wasm', async () => {
    await assert.rejects(run('boatyard', 'deploy', join(examples, 'README.md'), '--rpc', node.url));
    const { result } = await rpc(node.url, 'eth_blockNumber');
    assert.ok(BigInt(result) > 0n);
  });
});
