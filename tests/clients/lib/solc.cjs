#!/usr/bin/env node
// The npm package as the program `solc`, for tools that start a compiler themselves.
const { readFileSync } = require('node:fs');
const { resolve } = require('node:path');

const solc = require('solc');

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace('.Emscripten.clang', '.Linux.g++')}`);
} else if (process.argv.includes('--standard-json')) {
  const base = process.argv.indexOf('--base-path');
  const root = base < 0 ? '.' : process.argv[base + 1];
  const find = (path) => {
    try {
      return { contents: readFileSync(resolve(root, path), 'utf8') };
    } catch {
      return { error: `${path} is not there` };
    }
  };
  process.stdout.write(solc.compile(readFileSync(0, 'utf8'), { import: find }));
} else {
  console.error('solc: only --version and --standard-json');
  process.exit(1);
}
