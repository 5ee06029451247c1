// examples/deal-client: a contract stores files by itself.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { example, startDevnet } from '../lib/examples.mjs';

describe('the example deal-client', () => {
  let node, project;

  before(async () => {
    project = await example('deal-client');
    node = await startDevnet();
  });
  after(async () => {
    await node?.stop();
    await project?.clean();
  });

  it('passes its unit tests', { timeout: 300_000 }, async () => {
    assert.match(await project.run(node.url, 'forge', 'test'), /11 tests passed, 0 failed/);
  });

  it('works on a devnet', { timeout: 1_800_000 }, async () => {
    await project.run(node.url, 'forge', 'build');
    assert.match(await project.run(node.url, 'node', '--test', '--test-reporter=tap', 'test/devnet.test.mjs'), /# pass 6\n# fail 0/);
  });
});
