//! Passwords that were right: remembered as hashes with a secret, so that memory tells nobody.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Proofs of one age; two ages are kept.
const MOST: usize = 2048;

/// A name and a password, hashed with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Proof([u8; 32]);

impl Proof {
    pub(super) fn new(secret: &[u8; 32], name: &str, password: &[u8]) -> Self {
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret) else {
            // A key of any length is one.
            return Self(*secret);
        };
        hmac.update(&(name.len() as u64).to_be_bytes());
        hmac.update(name.as_bytes());
        hmac.update(password);
        Self(hmac.finalize().into_bytes().into())
    }
}

/// What was right, the most recent of it.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Ages>);

#[derive(Debug, Default)]
struct Ages {
    young: HashSet<Proof>,
    old: HashSet<Proof>,
}

impl Cache {
    /// Was it right before? What is used stays.
    pub(super) fn has(&self, proof: &Proof) -> bool {
        let mut ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ages.young.contains(proof) {
            return true;
        }
        let is_old = ages.old.remove(proof);
        if is_old {
            ages.add(*proof);
        }
        is_old
    }

    /// It was right.
    pub(super) fn add(&self, proof: Proof) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(proof);
    }
}

impl Ages {
    fn add(&mut self, proof: Proof) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(proof);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = Cache::default();
        let proof = |number: u64| Proof::new(&[7; 32], "a", &number.to_be_bytes());
        cache.add(proof(0));
        for number in 1..10_000 {
            cache.add(proof(number));
            assert!(cache.has(&proof(0)));
        }
        assert!(!cache.has(&proof(1)));
        let ages = cache.0.lock().unwrap();
        assert!(ages.young.len() + ages.old.len() <= 2 * MOST);
    }

    #[test]
    fn a_proof_depends_on_the_secret_and_on_where_the_name_ends() {
        let proof = Proof::new(&[7; 32], "ab", b"c");
        assert_eq!(proof, Proof::new(&[7; 32], "ab", b"c"));
        assert_ne!(proof, Proof::new(&[8; 32], "ab", b"c"));
        assert_ne!(proof, Proof::new(&[7; 32], "a", b"bc"));
    }
}
