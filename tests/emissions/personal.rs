//! What must stand nowhere.

use std::collections::BTreeSet;
use std::fmt::Debug;

use motlan_testkit::World;
use motlan_testkit::sample::SECRET_NOTE;
use motlan_testkit::world::OFFICIAL;

/// A text as short as this may stand anywhere by chance.
const BYTES_MIN: usize = 9;
/// So many digits in a row are a number of somebody or of something that somebody holds.
const DIGITS_MIN: usize = 9;

/// Everything that is personal in the world, or was sent by a caller for itself alone.
pub(super) struct Personal(pub(super) BTreeSet<String>);

impl Personal {
    /// All people, papers, parcels and enterprises of the samples, and the official.
    pub(super) fn of(world: &World) -> Self {
        let sample = world.sample();
        let mut texts = BTreeSet::from([OFFICIAL.to_owned(), SECRET_NOTE.to_owned()]);
        add_all(&sample.people, &mut texts);
        add_all(&sample.births, &mut texts);
        add_all(&sample.deaths, &mut texts);
        add_all(&sample.marriages, &mut texts);
        add_all(&sample.marital_statuses, &mut texts);
        add_all(&sample.enterprises, &mut texts);
        add_all(&sample.parcels, &mut texts);
        let roles = &sample.roles;
        texts.extend([
            roles.unknown_person.clone(),
            roles.unknown_enterprise.clone(),
            roles.unknown_certificate.clone(),
        ]);
        Self(texts)
    }

    pub(super) fn add(&mut self, text: &str) {
        self.0.insert(text.to_owned());
    }

    /// A token: what it says, and its signature. Its first part names but the key.
    pub(super) fn add_token(&mut self, token: &str) {
        let parts = token.split('.').skip(1);
        self.0.extend(parts.map(str::to_owned));
    }

    /// Those that stand in `bytes`.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> Vec<&str> {
        let text = String::from_utf8_lossy(bytes);
        let found = self.0.iter().filter(|it| text.contains(it.as_str()));
        found.map(String::as_str).collect()
    }
}

/// The texts of messages that tell somebody apart: names, addresses, numbers.
fn add_all<M: Debug>(messages: &[M], texts: &mut BTreeSet<String>) {
    for message in messages {
        let printed = format!("{message:?}");
        let quoted = printed.split('"').skip(1).step_by(2);
        let telling = quoted.filter(|text| {
            let is_number = text.split(|it: char| !it.is_ascii_digit());
            let is_number = is_number.into_iter().any(|run| run.len() >= DIGITS_MIN);
            text.len() >= BYTES_MIN && (is_number || text.contains(' '))
        });
        texts.extend(telling.map(str::to_owned));
    }
}
