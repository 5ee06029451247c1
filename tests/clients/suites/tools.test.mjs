// The tools that the other tests drive are there and work.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { id } from "ethers";
import solc from "solc";
import { keccak256, toHex } from "viem";

const require = createRequire(import.meta.url);
const bin = (name) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
const run = (name, ...args) => execFileSync(bin(name), args, { encoding: "utf8" }).trim();

test("cast, ethers and viem agree on a hash", () => {
  const hash = run("cast", "keccak", "boatyard");
  assert.equal(hash, id("boatyard"));
  assert.equal(hash, keccak256(toHex("boatyard")));
});

test("forge, anvil and hardhat start", () => {
  for (const tool of ["forge", "anvil", "hardhat"]) {
    assert.match(run(tool, "--version"), /\d+\.\d+\.\d+/);
  }
});

test("solc compiles an OpenZeppelin token and the Filecoin library", () => {
  const source = `
    pragma solidity ^0.8.24;
    import "@openzeppelin/contracts/token/ERC20/ERC20.sol";
    import "filecoin-solidity-api/contracts/v0.8/MarketAPI.sol";
    contract Token is ERC20("Boat", "BOAT") {}
  `;
  const input = {
    language: "Solidity",
    sources: { "Token.sol": { content: source } },
    settings: { outputSelection: { "Token.sol": { Token: ["evm.bytecode.object"] } } },
  };
  const findImport = (path) => ({ contents: readFileSync(require.resolve(path), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  const errors = (output.errors ?? []).filter((error) => error.severity === "error");
  assert.deepEqual(errors.map((error) => error.formattedMessage), []);
  assert.ok(output.contracts["Token.sol"].Token.evm.bytecode.object.length > 1000);
});
