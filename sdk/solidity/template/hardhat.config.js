/** @type {import("hardhat/config").HardhatUserConfig} */
module.exports = {
  solidity: {
    version: "0.8.28",
    // The FEVM's instructions are those of Cancun.
    settings: { evmVersion: "cancun", optimizer: { enabled: true, runs: 200 } },
  },
  paths: { sources: "src" },
  defaultNetwork: "devnet",
  networks: {
    devnet: {
      url: "http://127.0.0.1:8545",
      chainId: 31415926,
      // The devnet's accounts; these keys are public.
      accounts: { mnemonic: "test test test test test test test test test test test junk" },
    },
  },
};
