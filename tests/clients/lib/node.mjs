// Starts a real node process for a test file and stops it again.
//
// BOATYARD_BIN names the binary (default: the workspace's debug build).
import { execFile, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const binary =
  process.env.BOATYARD_BIN ?? join(root, '..', '..', 'target', 'debug', 'boatyard');

/// The customary development mnemonic and the first keys of it.
export const mnemonic = 'test test test test test test test test test test test junk';
export const keys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
];
export const addresses = [
  '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
];
export const chainId = 31415926;

// No node outlives the tests that started it, also not when these are stopped for taking too long.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.once('SIGTERM', () => process.exit(143));

/// Starts `boatyard node` on a free port. Resolves when it has compiled the actors that most
/// tests need: on a busy machine that takes longer than some clients wait for an answer.
export async function startNode(...flags) {
  const node = await startColdNode(...flags);
  const ask = async (method, ...params) => (await rpc(node.url, method, params)).result;
  const [from] = await ask('eth_accounts');
  if (from && !flags.includes('--providers')) {
    const snapshot = await ask('evm_snapshot');
    await ask('eth_sendTransaction', { from, data: '0x600160005360016000f3' });
    await ask('evm_mine');
    await ask('evm_revert', snapshot);
  }
  return node;
}

/// Starts `boatyard node` on a free port. Resolves when it serves requests.
export async function startColdNode(...flags) {
  const child = spawn(binary, ['node', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const log = [];
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  child.stderr.on('data', (data) => log.push(data.toString()));
  const listening = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      log.push(`${line}\n`);
      const match = /^Listening on (\S+)$/.exec(line);
      if (match) resolve(match[1]);
    });
  });
  const failed = exited.then(({ code, signal }) => {
    throw new Error(`the node ended (${code ?? signal}) before it listened:\n${log.join('')}`);
  });
  failed.catch(() => {});
  const address = await Promise.race([listening, failed]);
  return {
    url: `http://${address}`,
    ws: `ws://${address}`,
    log,
    exited,
    child,
    async stop() {
      child.kill('SIGINT');
      return exited;
    },
  };
}

/// Runs a command of a package in node_modules/.bin and gives its trimmed output.
export async function run(command, ...args) {
  const path = command === 'boatyard' ? binary : join(root, 'node_modules', '.bin', command);
  try {
    const { stdout, stderr } = await promisify(execFile)(path, args, {
      env: { ...process.env, NO_COLOR: '1', FOUNDRY_DISABLE_NIGHTLY_WARNING: '1' },
      maxBuffer: 1 << 26,
    });
    // The packages' launchers lose the exit code of the program they start.
    if (/^Error/m.test(stderr)) throw Object.assign(new Error(stderr), { stdout, stderr });
    return stdout.trim();
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}

/// One JSON-RPC call without any client library: { result } or { error }.
export async function rpc(url, method, params = []) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  return response.json();
}
