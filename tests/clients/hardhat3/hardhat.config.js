// Hardhat 3 against a node that is running already; BOATYARD_URL says where.
import { createRequire } from 'node:module';

import ethers from '@nomicfoundation/hardhat-ethers';
import ignition from '@nomicfoundation/hardhat-ignition-ethers';
import helpers from '@nomicfoundation/hardhat-network-helpers';
import runner from '@nomicfoundation/hardhat-node-test-runner';

const require = createRequire(import.meta.url);

export default {
  plugins: [ethers, helpers, ignition, runner],
  solidity: {
    version: require('solc/package.json').version,
    // The npm package, so that nothing is downloaded.
    path: require.resolve('solc/soljson.js'),
    settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: 'cancun' },
  },
  networks: {
    boatyard: {
      type: 'http', url: process.env.BOATYARD_URL ?? 'http://127.0.0.1:8545', chainId: 31415926, timeout: 120_000,
    },
  },
};
