//! What a native machine sees of a run, instruction by instruction.

use boatyard_sdk::Instruction;
use revm_interpreter::interpreter::EthInterpreter;
use revm_interpreter::interpreter_types::Jumps;
use revm_interpreter::{InstructionResult, Interpreter};

/// A run before its next instruction.
pub(super) struct View<'a>(pub &'a Interpreter<EthInterpreter>);

impl Instruction for View<'_> {
    fn position(&self) -> usize {
        self.0.bytecode.pc()
    }

    fn opcode(&self) -> u8 {
        self.0.bytecode.opcode()
    }

    fn stack_len(&self) -> usize {
        self.0.stack.len()
    }

    fn stack_word(&self, from_top: usize) -> Option<[u8; 32]> {
        self.0
            .stack
            .peek(from_top)
            .ok()
            .map(|word| word.to_be_bytes())
    }

    fn memory(&self) -> Vec<u8> {
        self.0.memory.context_memory().to_vec()
    }

    fn return_data(&self) -> &[u8] {
        &self.0.return_data.0
    }
}

/// Why an instruction ended the run, if it failed.
pub(super) fn words(end: InstructionResult) -> Option<&'static str> {
    use InstructionResult as End;
    Some(match end {
        End::Stop | End::Return | End::SelfDestruct | End::Revert => return None,
        End::OpcodeNotFound | End::NotActivated => "undefined instruction",
        End::InvalidFEOpcode => "invalid instruction",
        End::StackUnderflow => "stack underflow",
        End::StackOverflow => "stack overflow",
        End::OutOfOffset | End::InvalidOperandOOG | End::MemoryOOG | End::MemoryLimitOOG => {
            "illegal memory access"
        }
        End::InvalidJump => "invalid jump destination",
        End::StateChangeDuringStaticCall | End::CallNotAllowedInsideStatic => "write protection",
        _ => "the instruction ended the contract",
    })
}
