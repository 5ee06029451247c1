// Hardhat 2 against a node that is running already; BOATYARD_URL says where.
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
require('@nomicfoundation/hardhat-ethers');
require('@nomicfoundation/hardhat-network-helpers');
require('@nomicfoundation/hardhat-ignition-ethers');

const solc = require('solc/package.json');

// The compiler is the npm package, so that nothing is downloaded.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve('solc/soljson.js'),
  isSolcJs: true,
  version: solc.version,
  longVersion: `${solc.version}+npm`,
}));

module.exports = {
  solidity: {
    version: solc.version,
    settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: 'cancun' },
  },
  networks: {
    boatyard: { url: process.env.BOATYARD_URL ?? 'http://127.0.0.1:8545', chainId: 31415926, timeout: 120_000 },
  },
  defaultNetwork: 'boatyard',
  mocha: { timeout: 120_000 },
};
