// Hardhat 3 with its network helpers. It brings a Node of its own, newer than this one.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { root, startNode } from '../lib/node.mjs';

const project = join(root, 'hardhat3');
const modules = join(project, 'node_modules');
const newer = join(modules, `node-linux-${process.arch}`, 'bin', 'node');
const runtime = existsSync(newer) ? newer : process.execPath;
const enough = existsSync(newer) || Number(process.versions.node.split('.')[0]) >= 22;
const skip = enough ? false : 'no Node 22 for this system';

describe('hardhat 3', { skip }, () => {
  let node;
  const hardhat = async (...args) => {
    const options = {
      cwd: project,
      env: { ...process.env, BOATYARD_URL: node.url, HARDHAT_TEST_INTERACTIVE_ENV: 'false', NO_COLOR: '1' },
      maxBuffer: 1 << 26,
    };
    try {
      return (await promisify(execFile)(runtime, [join(modules, 'hardhat', 'dist', 'src', 'cli.js'), ...args], options))
        .stdout;
    } catch (error) {
      throw new Error(`hardhat ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    }
  };

  before(async () => {
    node = await startNode();
  });
  after(async () => {
    await node?.stop();
    for (const name of ['artifacts', 'cache']) await rm(join(project, name), { recursive: true, force: true });
  });

  it('compiles, and the helpers help', { timeout: 300_000 }, async () => {
    await hardhat('build');
    assert.match(await hardhat('run', '--no-compile', 'scripts/helpers.mjs'), /everything helped/);
  });
});
