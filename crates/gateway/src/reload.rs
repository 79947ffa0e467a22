//! What is taken in force while the gateway runs: the catalogue and the credentials of both sides,
//! each by itself, whole or not at all, on record before.
//!
//! On SIGHUP all three are loaded anew. Beside that their files are looked at again and again:
//! what is another content at two looks in a row is loaded, so that a copy under way is left alone.
//! A content that was refused is not tried again until it changes or SIGHUP asks for it.
//!
//! Limits: a catalogue of more than a hundred thousand files is told apart by its manifest alone.

mod changes;
mod laid;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::enforced::{InForce, Problems, Reloaded};
use crate::shadow::Shadow;
use crate::tls::{ClientCredentials, ServerCredentials, Side as _, TlsError, now_s, warn};
pub(crate) use changes::Changes;
pub use changes::What;
pub(crate) use laid::{Laid, Print, Watched, manifest};

/// How often an operator is warned of what goes out of date.
const WARNED_EVERY_S: i64 = 86_400;

/// What came of loading everything anew.
#[derive(Debug)]
pub struct Reloads {
    /// Of the catalogue.
    pub catalog: Result<Reloaded, Arc<Problems>>,
    /// Of what callers meet.
    pub server_tls: Result<Reloaded<String>, Arc<TlsError>>,
    /// Of what owners meet.
    pub client_tls: Result<Reloaded<String>, Arc<TlsError>>,
}

/// Everything that is loaded anew while the gateway runs. Cheap to clone.
#[derive(Clone)]
pub struct Reloadable {
    /// The catalogue.
    pub in_force: InForce,
    /// What callers meet.
    pub server: ServerCredentials,
    /// What owners meet.
    pub client: ClientCredentials,
}

/// Loads it anew.
pub(crate) struct Reloading {
    parts: Reloadable,
    shadow: Option<Shadow>,
    changes: Changes,
    watched: Watched,
    /// Held while anything is loaded: one at a time.
    seen: Mutex<Seen>,
}

/// What was seen of the files.
struct Seen {
    /// What was dealt with: taken in force, or refused.
    settled: Laid,
    /// What lay there at the last look.
    last: Laid,
}

impl Reloading {
    /// For what is in force, which was `laid` when it was read.
    pub(crate) fn new(
        parts: Reloadable,
        shadow: Option<Shadow>,
        changes: Changes,
        watched: Watched,
        laid: Laid,
    ) -> Arc<Self> {
        Arc::new(Self {
            parts,
            shadow,
            changes,
            watched,
            seen: Mutex::new(Seen {
                settled: laid,
                last: laid,
            }),
        })
    }

    /// R87, R105: loads everything anew, whatever was seen before.
    pub(crate) async fn all(&self) -> Reloads {
        let mut seen = self.seen.lock().await;
        // Before anything is read: what changes from here on is seen at the next look.
        let laid = self.look(&seen).await;
        if let Some(laid) = laid {
            (seen.settled, seen.last) = (laid, laid);
        }
        let reloads = Reloads {
            server_tls: self.parts.server.reload(&self.changes).await,
            client_tls: self.client_tls().await,
            catalog: self.parts.in_force.reload(&self.changes).await,
        };
        if let (Ok(_), Some(laid)) = (&reloads.catalog, laid) {
            seen.settled.catalog_is_good(laid);
        }
        if let Some(shadow) = self.shadow.clone() {
            let reload = tokio::task::spawn_blocking(move || shadow.reload());
            let _panicked_and_told = reload.await;
        }
        reloads
    }

    /// Looks at the files for ever.
    pub(crate) async fn watch(self: Arc<Self>, every: Duration) {
        let mut looks = tokio::time::interval(every);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut looked_s, mut warned_s) = (now_s(), now_s());
        loop {
            looks.tick().await;
            self.once().await;
            let now_s = now_s();
            self.tell_expired(looked_s, now_s);
            looked_s = now_s;
            if now_s.saturating_sub(warned_s) >= WARNED_EVERY_S {
                warned_s = now_s;
                warn(self.parts.server.newest().expiries());
                warn(self.parts.client.newest().expiries());
            }
        }
    }

    /// One look: loads what is another content than was dealt with, and the same as at the last.
    async fn once(&self) {
        let mut seen = self.seen.lock().await;
        let Some(laid) = self.look(&seen).await else {
            return;
        };
        let last = std::mem::replace(&mut seen.last, laid);
        let is_due = |of: fn(&Laid) -> Print| {
            let print = of(&laid);
            print != of(&seen.settled) && print == of(&last)
        };
        let (server, client) = (is_due(Laid::server), is_due(Laid::client));
        let catalog = is_due(Laid::catalog);
        if server {
            seen.settled.server_is(laid);
            let _logged = self.parts.server.reload(&self.changes).await;
        }
        if client {
            seen.settled.client_is(laid);
            let _logged = self.client_tls().await;
        }
        if catalog {
            seen.settled.catalog_is(laid);
            if self.parts.in_force.reload(&self.changes).await.is_ok() {
                seen.settled.catalog_is_good(laid);
            }
        }
    }

    /// What lies there now.
    async fn look(&self, seen: &Seen) -> Option<Laid> {
        let (watched, settled) = (self.watched.clone(), seen.settled);
        let look = tokio::task::spawn_blocking(move || watched.look(Some(&settled)));
        look.await.ok()
    }

    /// Owners are dialled anew by other credentials.
    async fn client_tls(&self) -> Result<Reloaded<String>, Arc<TlsError>> {
        let reloaded = self.parts.client.reload(&self.changes).await;
        if matches!(reloaded, Ok(Reloaded::Taken(_))) {
            self.parts
                .in_force
                .set()
                .owners
                .renew(&self.parts.client.newest());
        }
        reloaded
    }

    /// Tells of each that went out of date since the last look.
    fn tell_expired(&self, looked_s: i64, now_s: i64) {
        let (server, client) = (self.parts.server.newest(), self.parts.client.newest());
        let expiries = server.expiries().iter().chain(client.expiries());
        for expiry in expiries.filter(|it| looked_s < it.at_s && it.at_s <= now_s) {
            tracing::error!(what = expiry.what, "{}", expiry.told(now_s));
        }
    }
}
