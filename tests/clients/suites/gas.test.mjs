// Gas estimates suffice at the same state, in both dialects.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';

import { root } from '../lib/node.mjs';

it('no estimate is too low for ordinary transactions', { timeout: 240_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'bench', 'gas.mjs'), '1']);
  assert.match(stdout, /\| eth_estimateGas \| \d+ \| 0 \|/);
  assert.match(stdout, /\| GasEstimateMessageGas \| \d+ \| 0 \|/);
});
