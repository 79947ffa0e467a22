//! The chain of one connection, and whether it still stands.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};

use super::credentials::Taken;
use super::{Cause, ServerCredentials, ServerTls, due_s};

/// A chain that does not stand is verified again no more often, whoever asks.
const FALLEN_S: u64 = 1;
/// Nobody sleeps longer than this at once; timers have an end.
const SLEEP_MAX: Duration = Duration::from_secs(86_400);

/// R105: what a caller presented in its handshake, held against the credentials in force as they
/// change and as time goes on. A call compares two numbers; a signature is verified where another
/// generation is in force, or something is out of date.
pub(crate) struct Presented {
    chain: Vec<CertificateDer<'static>>,
    server: ServerCredentials,
    /// Locked by the calls of one connection only, which share a thread.
    stood: Mutex<Stood>,
}

/// What was found last.
#[derive(Clone, Copy)]
struct Stood {
    found: Result<(), Cause>,
    /// By the credentials of this generation.
    generation: u64,
    /// Until this second, in seconds since the Unix epoch.
    due_s: u64,
}

impl Presented {
    /// A chain that a handshake with these credentials has verified.
    pub(crate) fn assertion(
        chain: Vec<CertificateDer<'static>>,
        server: ServerCredentials,
        by: &Taken<ServerTls>,
    ) -> Self {
        let stood = Stood {
            found: Ok(()),
            generation: by.generation,
            // Whatever ended before now may have ended since the handshake looked at it: then the
            // first call has it verified again.
            due_s: due_s(&chain, by.side.lists_s(), 0),
        };
        Self {
            chain,
            server,
            stood: Mutex::new(stood),
        }
    }

    /// The certificate of the caller itself.
    pub(crate) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// Whether it would be accepted now.
    pub(crate) fn stands(&self, now: UnixTime) -> Result<(), Cause> {
        let generation = self.server.generation();
        let mut stood = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        if stood.generation != generation || now.as_secs() >= stood.due_s {
            *stood = self.verify(now);
        }
        stood.found
    }

    fn verify(&self, now: UnixTime) -> Stood {
        let by = self.server.taken();
        let (leaf, rest) = match self.chain.split_first() {
            Some(split) => split,
            None => return by.fallen(Cause::NoCertificate, now),
        };
        match by.side.verifier.verify_client_cert(leaf, rest, now) {
            Ok(_verified) => Stood {
                found: Ok(()),
                generation: by.generation,
                due_s: due_s(&self.chain, by.side.lists_s(), now.as_secs()),
            },
            Err(error) => by.fallen(Cause::of(&error), now),
        }
    }

    /// Waits until it is to be asked again whether it stands.
    pub(crate) async fn unsettled(&self) {
        let mut server = self.server.follow();
        let stood = *self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        if server.borrow_and_update().generation != stood.generation {
            return;
        }
        let left = stood.due_s.saturating_sub(UnixTime::now().as_secs());
        let due = tokio::time::sleep(Duration::from_secs(left).min(SLEEP_MAX));
        tokio::select! {
            // Without a sender no others will be in force.
            Ok(()) = server.changed() => {}
            () = due => {}
        }
    }
}

impl Taken<ServerTls> {
    fn fallen(&self, cause: Cause, now: UnixTime) -> Stood {
        Stood {
            found: Err(cause),
            generation: self.generation,
            due_s: now.as_secs().saturating_add(FALLEN_S),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use motlan_testkit::pki::{Authority, Identity, Leaf};

    use super::*;
    use crate::settings::TlsFiles;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The files of a gateway that knows one authority and its list, which counts for an hour.
    fn lay(dir: &Path, authority: &Authority, revoked: &[&Identity]) -> TlsFiles {
        let own = authority.issue(&Leaf::server("gateway")).unwrap();
        let list = authority.revocation_list(revoked, SystemTime::now() + HOUR);
        let write = |name: &str, text: &str| {
            std::fs::write(dir.join(name), text).unwrap();
            dir.join(name)
        };
        TlsFiles {
            certificate: write("own.pem", &own.certificate_pem),
            key: write("own.key", &own.key_pem),
            authority: write("ca.pem", authority.certificate_pem()),
            revocation: Some(write("list.pem", &list.unwrap())),
        }
    }

    fn at(after: Duration) -> UnixTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        UnixTime::since_unix_epoch(since.unwrap() + after)
    }

    #[test]
    fn a_chain_stands_until_it_or_a_list_is_out_of_date_and_never_longer() {
        // R105.
        let dir = tempfile::TempDir::with_prefix("motlan-tls-").unwrap();
        let authority = Authority::new("authority").unwrap();
        let files = lay(dir.path(), &authority, &[]);
        let server = ServerCredentials::load(&files).unwrap();
        let now = SystemTime::now();
        let leaf = |until| Leaf::client("desk", "spiffe://x/y").valid(now - HOUR, now + until);
        let presented = |until| {
            let identity = authority.issue(&leaf(until)).unwrap();
            let chain = vec![identity.certificate().unwrap()];
            Presented::assertion(chain, server.clone(), &server.taken())
        };
        let (short, long) = (presented(HOUR / 2), presented(HOUR * 2));
        for one in [&short, &long] {
            assert_eq!(one.stands(at(HOUR / 4)), Ok(()));
        }
        assert_eq!(short.stands(at(HOUR * 3 / 4)), Err(Cause::Expired));
        assert_eq!(long.stands(at(HOUR * 3 / 4)), Ok(()));
        assert_eq!(long.stands(at(HOUR * 3 / 2)), Err(Cause::ListExpired));
        // What has fallen stays so, unless the clock was wrong.
        assert_eq!(long.stands(at(HOUR * 3 / 2)), Err(Cause::ListExpired));
        assert_eq!(long.stands(at(HOUR * 8 / 5)), Err(Cause::ListExpired));
    }

    #[tokio::test]
    async fn a_chain_is_held_against_the_newest_credentials_and_asked_again_when_they_change() {
        // R105.
        let dir = tempfile::TempDir::with_prefix("motlan-tls-").unwrap();
        let authority = Authority::new("authority").unwrap();
        let files = lay(dir.path(), &authority, &[]);
        let server = ServerCredentials::load(&files).unwrap();
        let identity = authority.issue(&Leaf::client("desk", "spiffe://x/y"));
        let identity = identity.unwrap();
        let by = server.taken();
        let chain = || vec![identity.certificate().unwrap()];
        let presented = Presented::assertion(chain(), server.clone(), &by);
        assert_eq!(presented.stands(at(Duration::ZERO)), Ok(()));
        let metrics = crate::telemetry::Metrics::new().unwrap();
        let changes = crate::reload::Changes::off_record(&metrics);
        lay(dir.path(), &authority, &[&identity]);
        let (reloaded, ()) = tokio::join!(server.reload(&changes), presented.unsettled());
        assert!(reloaded.is_ok());
        assert_eq!(presented.stands(at(Duration::ZERO)), Err(Cause::Revoked));
        // A handshake that began before the change and ended after it is no way around it.
        let late = Presented::assertion(chain(), server.clone(), &by);
        assert_eq!(late.stands(at(Duration::ZERO)), Err(Cause::Revoked));
    }

    #[test]
    fn lists_that_would_refuse_everybody_are_refused_themselves() {
        // R105.
        let dir = tempfile::TempDir::with_prefix("motlan-tls-").unwrap();
        let authority = Authority::new("authority").unwrap();
        let files = lay(dir.path(), &authority, &[]);
        let list = files.revocation.clone().unwrap();
        let refused = || ServerCredentials::load(&files).map(drop).unwrap_err();
        let until = SystemTime::now() - HOUR / 2;
        let old = authority.revocation_list(&[], until).unwrap();
        std::fs::write(&list, old).unwrap();
        let error = refused().to_string();
        assert!(error.contains("list.pem` expired at"), "{error}");
        // A namesake's is none of the authority.
        let namesake = Authority::new("authority").unwrap();
        let other = namesake.revocation_list(&[], SystemTime::now() + HOUR);
        std::fs::write(&list, other.unwrap()).unwrap();
        let error = refused().to_string();
        assert!(
            error.contains("signed by the authority `CN=authority`"),
            "{error}"
        );
        std::fs::write(&list, "none").unwrap();
        let error = refused().to_string();
        assert!(error.contains("no readable PEM revocation list"), "{error}");
    }
}
