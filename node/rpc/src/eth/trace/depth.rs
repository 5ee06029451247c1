//! How deep contracts call each other, seen from how deep calls nest on Filecoin, where
//! some lie between two contracts.

/// Follows a run from instruction to instruction.
#[derive(Debug, Default)]
pub struct Depth(Vec<u32>);

impl Depth {
    /// The depth, from 1, of the contract that runs with so many calls open.
    pub fn of_contract(&mut self, calls: u32) -> u32 {
        while self.0.last().is_some_and(|open| *open > calls) {
            self.0.pop();
        }
        if self.0.last() != Some(&calls) {
            self.0.push(calls);
        }
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_between_two_contracts_do_not_count() {
        let mut depth = Depth::default();
        // A contract that creates another, through two native actors.
        let seen: Vec<u32> = [1, 1, 4, 4, 1, 2, 1]
            .into_iter()
            .map(|calls| depth.of_contract(calls))
            .collect();
        assert_eq!(seen, [1, 1, 2, 2, 1, 2, 1]);
    }
}
