//! Who may do what: tokens (spec 10 §1.1).
//!
//! A node that was given a token lets everybody read, and whoever sends the token do
//! everything. With it tokens for less are signed, in the form that Lotus uses: a JWT
//! whose claim `Allow` names permissions. A node without a token asks nobody for one, but
//! still makes and reads such tokens for tools that insist.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::registry::Permission;

/// Decides what a request may do.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    token: Option<String>,
}

/// The token of a request is not one of this node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

impl Gate {
    /// A gate that opens to `token`; without one it is always open.
    pub fn new(token: Option<String>) -> Self {
        Self { token }
    }

    /// Whether tokens make a difference.
    pub fn is_closed(&self) -> bool {
        self.token.is_some()
    }

    /// What a request with this token may do.
    ///
    /// # Errors
    /// [`Denied`] for a token that this node has not made.
    pub fn permission(&self, token: Option<&str>) -> Result<Permission, Denied> {
        let Some(secret) = &self.token else {
            return Ok(Permission::Admin);
        };
        match token {
            None => Ok(Permission::Read),
            Some(token) if same(token, secret) => Ok(Permission::Admin),
            Some(token) => self.verify(token)?.into_iter().max().ok_or(Denied),
        }
    }

    /// A token that allows these things.
    pub fn issue(&self, allow: &[Permission]) -> String {
        let algorithm = if self.is_closed() { "HS256" } else { "none" };
        let names: Vec<&str> = allow.iter().map(|permission| permission.name()).collect();
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!(
            "{}.{}",
            part(json!({ "alg": algorithm, "typ": "JWT" })),
            part(json!({ "Allow": names }))
        );
        let signature = match self.mac(&content) {
            Some(mac) => URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()),
            None => String::new(),
        };
        format!("{content}.{signature}")
    }

    /// What a token allows. Without a token of its own the node believes every one, and
    /// takes those that it cannot read for tokens that allow everything.
    ///
    /// # Errors
    /// [`Denied`] when the signature is wrong.
    pub fn verify(&self, token: &str) -> Result<Vec<Permission>, Denied> {
        if self
            .token
            .as_ref()
            .is_some_and(|secret| same(token, secret))
        {
            return Ok(Permission::ALL.to_vec());
        }
        let claims = || {
            let (content, signature) = token.rsplit_once('.')?;
            if let Some(mac) = self.mac(content) {
                let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
                mac.verify_slice(&signature).ok()?;
            }
            let payload = URL_SAFE_NO_PAD.decode(content.split('.').nth(1)?).ok()?;
            let payload: Value = serde_json::from_slice(&payload).ok()?;
            let names: Vec<String> = serde_json::from_value(payload.get("Allow")?.clone()).ok()?;
            Some(
                names
                    .iter()
                    .filter_map(|name| Permission::named(name))
                    .collect(),
            )
        };
        match claims() {
            Some(allowed) => Ok(allowed),
            None if self.is_closed() => Err(Denied),
            None => Ok(Permission::ALL.to_vec()),
        }
    }

    fn mac(&self, content: &str) -> Option<Hmac<Sha256>> {
        let secret = self.token.as_ref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(content.as_bytes());
        Some(mac)
    }
}

/// Compares in a time that does not tell where two texts differ.
fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(b"compare").expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    };
    let expected = digest(other).finalize().into_bytes();
    digest(one).verify(&expected).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_gate_lets_everybody_do_everything() {
        let gate = Gate::default();
        for token in [None, Some("anything"), Some("a.b.c")] {
            assert_eq!(gate.permission(token), Ok(Permission::Admin), "{token:?}");
        }
        let token = gate.issue(&[Permission::Read, Permission::Sign]);
        assert_eq!(
            gate.verify(&token),
            Ok(vec![Permission::Read, Permission::Sign])
        );
    }

    #[test]
    fn a_closed_gate_tells_its_tokens_from_others() {
        let gate = Gate::new(Some("hunter2".into()));
        assert_eq!(gate.permission(None), Ok(Permission::Read));
        assert_eq!(gate.permission(Some("hunter2")), Ok(Permission::Admin));
        assert_eq!(gate.permission(Some("hunter3")), Err(Denied));
        let token = gate.issue(&[Permission::Read, Permission::Write]);
        assert_eq!(gate.permission(Some(&token)), Ok(Permission::Write));
        let forged = Gate::new(Some("other".into())).issue(&Permission::ALL);
        assert_eq!(gate.permission(Some(&forged)), Err(Denied));
        let unsigned = Gate::default().issue(&Permission::ALL);
        assert_eq!(gate.permission(Some(&unsigned)), Err(Denied));
        let (content, _) = token.rsplit_once('.').unwrap();
        assert_eq!(gate.permission(Some(&format!("{content}."))), Err(Denied));
    }
}
