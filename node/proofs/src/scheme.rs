//! Which proof schemes there are.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::accept::{AcceptProver, AcceptVerifier};
use crate::groth16::{Groth16Prover, Groth16Verifier};
use crate::prover::Prover;
use crate::settings::{self, SettingsError};
use crate::vanilla::{VanillaProver, VanillaVerifier};
use crate::verifier::Verifier;

/// How vanilla proofs get into messages. A constant of the network, for it decides
/// state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// The vanilla proof is a block of the store, named by a
    /// [stand-in](crate::stand_in) in the message, and checked as a whole.
    #[default]
    Vanilla,
    /// Compressed by Groth16 with locally made parameters, as on mainnet.
    Groth16,
    /// Nothing is proven and everything believed. For tests alone.
    Accept,
}

impl Scheme {
    /// All schemes, the default first.
    pub const ALL: [Self; 3] = [Self::Vanilla, Self::Groth16, Self::Accept];

    /// The word for it on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vanilla => "vanilla",
            Self::Groth16 => "groth16",
            Self::Accept => "accept",
        }
    }
}

impl Scheme {
    /// The prover's end of the scheme.
    ///
    /// # Errors
    /// When the scheme cannot be used here.
    pub fn prover(self) -> Result<Arc<dyn Prover>, SettingsError> {
        settings::check()?;
        match self {
            Self::Vanilla => Ok(Arc::new(VanillaProver::new())),
            Self::Groth16 => Groth16Verifier::new().map(|_| Arc::new(Groth16Prover) as _),
            Self::Accept => Ok(Arc::new(AcceptProver)),
        }
    }

    /// The verifier's end of the scheme.
    ///
    /// # Errors
    /// When the scheme cannot be used here. A verifier must not come up half: what it
    /// cannot check it would have to call neither valid nor invalid.
    pub fn verifier(self) -> Result<Arc<dyn Verifier>, SettingsError> {
        match self {
            Self::Vanilla => Ok(Arc::new(VanillaVerifier::new())),
            Self::Groth16 => Ok(Arc::new(Groth16Verifier::new()?)),
            Self::Accept => Ok(Arc::new(AcceptVerifier::new())),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No scheme has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no proof scheme {0:?}; choose vanilla, groth16 or accept")]
pub struct UnknownScheme(String);

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name() == name)
            .ok_or_else(|| UnknownScheme(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_found_by_their_names() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
        }
        assert!("Vanilla".parse::<Scheme>().is_err());
        assert_eq!(Scheme::default(), Scheme::Vanilla);
    }
}
