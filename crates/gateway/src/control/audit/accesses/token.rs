//! The tokens of pages. They are sealed: the place in them may be that of a record that is held.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Seals where a page leads on. The key is this process's own.
pub(in super::super) struct PageKey(RandomizedNonceKey);

impl PageKey {
    pub(in super::super) fn new() -> Result<PageKey, Unspecified> {
        let mut key = [0; 32];
        rand::fill(&mut key)?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map(PageKey)
    }

    pub(super) fn seal(&self, place: &str) -> Result<String, Unspecified> {
        let mut sealed = place.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::empty(), &mut sealed)?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed; `None` where it was not, or not by this process.
    pub(super) fn open(&self, token: &str) -> Option<String> {
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let nonce: [u8; NONCE_LEN] = *sealed.last_chunk()?;
        sealed.truncate(sealed.len() - NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let place = self
            .0
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .ok()?;
        String::from_utf8(place.to_vec()).ok()
    }
}
