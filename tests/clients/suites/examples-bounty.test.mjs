// examples/bounty: money for whoever stores a piece, while it is stored.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { example, startDevnet } from '../lib/examples.mjs';

describe('the example bounty', () => {
  let node, project;

  before(async () => {
    project = await example('bounty');
    node = await startDevnet();
  });
  after(async () => {
    await node?.stop();
    await project?.clean();
  });

  it('works on a devnet', { timeout: 1_800_000 }, async () => {
    const output = await project.run(node.url, 'hardhat', 'test');
    assert.match(output, /8 passing/);
    assert.doesNotMatch(output, /failing|pending/);
  });
});
