// Starts a node of either kind and talks to it without a client library in between.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { binary, root } from '../lib/node.mjs';

/// The native program in a package of Foundry: its launcher is a script that would hide it.
function foundry(name) {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  return join(root, 'node_modules', '@foundry-rs', `${name}-linux-${arch}`, 'bin', name);
}

export const kinds = {
  boatyard: { program: binary, args: ['node'] },
  anvil: { program: foundry('anvil'), args: ['--quiet', '--chain-id', '31415926'] },
};

const running = new Set();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/// A node with 16 funded accounts. `answered` tells how many ms passed until the first answer.
export async function start(kind, ...flags) {
  const { program, args } = kinds[kind];
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(program, [...args, '--port', String(port), '--accounts', '16', ...flags], { stdio: 'ignore' });
  running.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let gone = false;
  exited.then(() => {
    gone = true;
    running.delete(child);
  });
  const client = new Client(port);
  /// Processor time so far, in ms: what counts where others are busy too.
  const cpu = () => {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  for (;;) {
    if (gone) throw new Error(`${kind} ended before it answered`);
    try {
      await client.call('eth_chainId');
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  return {
    kind,
    client,
    answered: performance.now() - begun,
    /// Resident memory in MiB.
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024,
    cpu,
    /// Waits until the node has nothing to do, such as compiling actors.
    async settle() {
      for (let before = -1; before !== cpu(); ) {
        before = cpu();
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    async stop() {
      client.close();
      child.kill('SIGINT');
      await exited;
    },
  };
}

export class Client {
  #agent = new http.Agent({ keepAlive: true });
  #port;
  #id = 0;

  constructor(port) {
    this.#port = port;
  }

  /// The result of one request, on a connection that is open already if one is idle.
  call(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: (this.#id += 1), method, params });
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1', port: this.#port, method: 'POST', agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const parts = [];
          response.on('data', (part) => parts.push(part));
          response.once('error', reject);
          response.once('end', () => {
            const { result, error } = JSON.parse(Buffer.concat(parts).toString());
            if (error) reject(new Error(`${method}: ${error.message}`));
            else resolve(result);
          });
        },
      );
      request.once('error', reject);
      request.end(body);
    });
  }

  close() {
    this.#agent.destroy();
  }
}
