//! Contracts under the mock runtime, written in a small assembler.
//!
//! | module | about |
//! |---|---|
//! | [`asm`] | the assembler |
//! | [`world`] | a contract, its caller, and others to call |
//! | [`operations`] | arithmetic and bits, case by case |
//! | [`oracles`] | the same against stock revm and big integers |
//! | [`stack`], [`flow`], [`memory`] | limits and the order of errors |
//! | [`context`], [`storage`], [`logs`] | what instructions see and leave |
//! | [`calls`], [`creation`], [`introspection`] | sends |
//! | [`actors`] | the precompiles that call native actors |
//! | [`methods`] | numbers, codecs, callers, lives |
//! | [`random`] | nothing panics |

mod actors;
mod asm;
mod calls;
mod context;
mod creation;
mod flow;
mod introspection;
mod logs;
mod memory;
mod methods;
mod operations;
mod oracles;
mod random;
mod stack;
mod storage;
mod world;
