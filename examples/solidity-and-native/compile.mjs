// Compiles src/CounterClient.sol with the solc package and writes
// artifacts/CounterClient.json. With --check, fails if that would change it.
//
// Packages are looked for here, then in PACKAGES (a folder with node_modules).
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const require = createRequire(`${process.env.PACKAGES ?? here}/`);
const solc = require("solc");

const source = "src/CounterClient.sol";
const input = {
  language: "Solidity",
  sources: { [source]: { content: readFileSync(here + source, "utf8") } },
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: "cancun",
    // Without the hash of the sources, whose line ends and paths may differ.
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const fromPackage = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: fromPackage }));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
}
const { abi, evm } = output.contracts[source].CounterClient;
const artefact = {
  contractName: "CounterClient",
  compiler: solc.version(),
  abi,
  bytecode: `0x${evm.bytecode.object}`,
};
const text = `${JSON.stringify(artefact, null, 2)}\n`;
const file = `${here}artifacts/CounterClient.json`;
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== text) {
    throw new Error(`${file} is out of date: run node compile.mjs`);
  }
} else {
  writeFileSync(file, text);
}
