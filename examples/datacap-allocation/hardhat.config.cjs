// Tests run on a devnet that is there already; BOATYARD_RPC says where.
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
require('@nomicfoundation/hardhat-ethers');

const solc = require('solc/package.json');

// The compiler is the npm package, so that nothing else is downloaded.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve('solc/soljson.js'),
  isSolcJs: true,
  version: solc.version,
  longVersion: `${solc.version}+npm`,
}));

module.exports = {
  solidity: {
    version: solc.version,
    // The FEVM's instructions are those of Cancun.
    settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: 'cancun' },
  },
  networks: {
    devnet: { url: process.env.BOATYARD_RPC ?? 'http://127.0.0.1:8545', chainId: 31415926 },
  },
  defaultNetwork: 'devnet',
  mocha: { timeout: 300_000 },
};
