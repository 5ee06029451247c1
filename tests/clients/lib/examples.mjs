// Runs the projects in examples/ as their READMEs say, against a node with a storage provider.
import { execFile } from 'node:child_process';
import { lstat, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { root, startNode } from './node.mjs';

const folder = join(root, '..', '..', 'examples');

/// A project of examples/. It finds its packages where these tests have theirs, unless somebody
/// has installed them.
export async function example(name) {
  const project = join(folder, name);
  const packages = join(project, 'node_modules');
  if (!(await lstat(packages).catch(() => null))) await symlink(join(root, 'node_modules'), packages);
  const run = async (url, command, ...args) => {
    const path = command === 'node' ? process.execPath : join(packages, '.bin', command);
    // The test runner around this one would take the results for its own.
    const { NODE_TEST_CONTEXT, ...env } = process.env;
    const options = {
      cwd: project,
      env: {
        ...env, BOATYARD_RPC: url, NO_COLOR: '1', FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
        FOUNDRY_SOLC: join(root, 'lib', 'solc.cjs'), HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      },
      maxBuffer: 1 << 26,
    };
    try {
      return (await promisify(execFile)(path, args, options)).stdout;
    } catch (error) {
      throw new Error(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    }
  };
  const clean = async () => {
    for (const made of ['out', 'cache', 'artifacts']) await rm(join(project, made), { recursive: true, force: true });
    const link = await lstat(packages);
    if (link.isSymbolicLink()) await rm(packages);
  };
  return { run, clean };
}

/// A node as `make devnet` starts it, on free ports.
export const startDevnet = () => startNode('--providers', '1', '--provider-port', '0');
