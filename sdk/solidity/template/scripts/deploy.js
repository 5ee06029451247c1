// npx hardhat run scripts/deploy.js
const { artifacts, network } = require("hardhat");
const { BrowserProvider, ContractFactory } = require("ethers");

async function main() {
  const { abi, bytecode } = await artifacts.readArtifact("Tips");
  const signer = await new BrowserProvider(network.provider).getSigner();
  const tips = await new ContractFactory(abi, bytecode, signer).deploy();
  await tips.waitForDeployment();
  console.log("Tips is at", await tips.getAddress());
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
