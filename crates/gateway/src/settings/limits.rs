//! `[limits]`: how much of everything.

use std::time::Duration;

use motlan_catalog::Faults;
use motlan_catalog::document::Table;

use crate::frames::FrameLimits;
use crate::listener::ListenerLimits;
use crate::lookup::LookupLimits;
use crate::owners::OwnerLimits;

/// `[limits]`: each with a default that suits a ministry.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of the callers' side.
    pub listener: ListenerLimits,
    /// Of a lookup.
    pub lookup: LookupLimits,
    /// Of the owners' side.
    pub owners: OwnerLimits,
    /// `witness_ms_max`: one exchange with a witness.
    pub witness_max: Duration,
    /// `drain_ms_max`: how long a stop waits for what is under way.
    pub drain_max: Duration,
}

/// A number of `[limits]`: from 1 to `max`, `usual` where nothing is said.
pub(super) struct Limit {
    pub(super) key: &'static str,
    pub(super) what: &'static str,
    pub(super) usual: u32,
    pub(super) max: u32,
}

const CONNECTIONS_MAX: Limit = Limit {
    key: "connections_max",
    what: "callers' connections at once",
    usual: 10_000,
    max: 1_000_000,
};
const HANDSHAKES_MAX: Limit = Limit {
    key: "handshakes_max",
    what: "TLS handshakes at once",
    usual: 256,
    max: 100_000,
};
const HANDSHAKES_PER_ADDRESS_MAX: Limit = Limit {
    key: "handshakes_per_address_max",
    what: "those from one address",
    usual: 64,
    max: 100_000,
};
const HANDSHAKE_MS_MAX: Limit = Limit {
    key: "handshake_ms_max",
    what: "one TLS handshake, and again from there to the preface of HTTP/2",
    usual: 5_000,
    max: 60_000,
};
const STREAMS_MAX: Limit = Limit {
    key: "streams_max",
    what: "calls at once on one connection",
    usual: 256,
    max: 10_000,
};
const CONNECTION_AGE_MS_MAX: Limit = Limit {
    key: "connection_age_ms_max",
    what: "a connection is drained at this age, less up to a tenth",
    usual: 3_600_000,
    max: 86_400_000,
};
const REQUEST_BYTES_MAX: Limit = Limit {
    key: "request_bytes_max",
    what: "a request message with its prefix",
    usual: 65_536,
    max: 1 << 20,
};
const LOOKUP_MS_MAX: Limit = Limit {
    key: "lookup_ms_max",
    what: "a lookup up to the provider's answer, where the caller names no shorter deadline",
    usual: 10_000,
    max: 600_000,
};
const IN_FLIGHT_MAX: Limit = Limit {
    key: "in_flight_max",
    what: "lookups at once; one more gets `RESOURCE_EXHAUSTED`",
    usual: 4_096,
    max: 1_000_000,
};
const IN_FLIGHT_PER_SYSTEM_MAX: Limit = Limit {
    key: "in_flight_per_system_max",
    what: "those of one calling system, replies that it has not taken yet included",
    usual: 1_024,
    max: 1_000_000,
};
const PROVIDER_CONNECTIONS: Limit = Limit {
    key: "provider_connections",
    what: "connections kept to each address of a dataset",
    usual: 4,
    max: 64,
};
const PROVIDER_STREAMS_MAX: Limit = Limit {
    key: "provider_streams_max",
    what: "enquiries at once on one of them. Times `provider_connections`, times the addresses \
     of a dataset, keep it below `in_flight_per_system_max`: else one slow dataset can \
     take all the places of those who ask it",
    usual: 128,
    max: 10_000,
};
const DIAL_MS_MAX: Limit = Limit {
    key: "dial_ms_max",
    what: "dialling an owner's system, TLS and HTTP/2 included",
    usual: 2_000,
    max: 60_000,
};
const ANSWER_BYTES_MAX: Limit = Limit {
    key: "answer_bytes_max",
    what: "all messages of one answer with their prefixes",
    usual: 4 << 20,
    max: 256 << 20,
};
const ANSWER_MESSAGES_MAX: Limit = Limit {
    key: "answer_messages_max",
    what: "messages of one answer",
    usual: 10_000,
    max: 1_000_000,
};
const WITNESS_MS_MAX: Limit = Limit {
    key: "witness_ms_max",
    what: "one exchange with a witness, dialling included",
    usual: 5_000,
    max: 60_000,
};
const DRAIN_MS_MAX: Limit = Limit {
    key: "drain_ms_max",
    what: "how long a stop waits for what is under way",
    usual: 30_000,
    max: 600_000,
};

/// All of them, in the order in which they are described.
pub(super) const ALL: [Limit; 17] = [
    CONNECTIONS_MAX,
    HANDSHAKES_MAX,
    HANDSHAKES_PER_ADDRESS_MAX,
    HANDSHAKE_MS_MAX,
    STREAMS_MAX,
    CONNECTION_AGE_MS_MAX,
    REQUEST_BYTES_MAX,
    LOOKUP_MS_MAX,
    IN_FLIGHT_MAX,
    IN_FLIGHT_PER_SYSTEM_MAX,
    PROVIDER_CONNECTIONS,
    PROVIDER_STREAMS_MAX,
    DIAL_MS_MAX,
    ANSWER_BYTES_MAX,
    ANSWER_MESSAGES_MAX,
    WITNESS_MS_MAX,
    DRAIN_MS_MAX,
];

pub(super) fn read(table: Option<Table<'_>>, faults: &mut Faults) -> Limits {
    let mut numbers = Numbers { table, faults };
    let limits = Limits {
        listener: ListenerLimits {
            connections_max: numbers.count(&CONNECTIONS_MAX),
            handshakes_max: numbers.count(&HANDSHAKES_MAX),
            handshakes_per_address_max: numbers.count(&HANDSHAKES_PER_ADDRESS_MAX),
            handshake_max: numbers.duration(&HANDSHAKE_MS_MAX),
            streams_max: numbers.count32(&STREAMS_MAX),
            connection_age_max: numbers.duration(&CONNECTION_AGE_MS_MAX),
        },
        lookup: LookupLimits {
            request_bytes_max: numbers.count(&REQUEST_BYTES_MAX),
            lookup_max: numbers.duration(&LOOKUP_MS_MAX),
            in_flight_max: numbers.count(&IN_FLIGHT_MAX),
            in_flight_per_system_max: numbers.count(&IN_FLIGHT_PER_SYSTEM_MAX),
        },
        owners: OwnerLimits {
            connections: numbers.count(&PROVIDER_CONNECTIONS),
            // With four connections to one address, half of what one system may have under way: a
            // slow dataset leaves its callers room to ask the others.
            streams_max: numbers.count(&PROVIDER_STREAMS_MAX),
            dial_max: numbers.duration(&DIAL_MS_MAX),
            answer: FrameLimits {
                body_bytes_max: numbers.count(&ANSWER_BYTES_MAX),
                messages_max: numbers.count(&ANSWER_MESSAGES_MAX),
            },
        },
        witness_max: numbers.duration(&WITNESS_MS_MAX),
        drain_max: numbers.duration(&DRAIN_MS_MAX),
    };
    numbers.finish();
    limits
}

/// Reads limits: a number from 1 to a bound, or the default.
struct Numbers<'d, 'f> {
    table: Option<Table<'d>>,
    faults: &'f mut Faults,
}

impl Numbers<'_, '_> {
    fn number(&mut self, limit: &Limit) -> u32 {
        let range = 1..=i64::from(limit.max);
        let found = self
            .table
            .as_mut()
            .and_then(|table| table.opt_integer(limit.key, range, self.faults));
        found.map_or(limit.usual, |found| {
            u32::try_from(found.value).unwrap_or(limit.usual)
        })
    }

    fn count32(&mut self, limit: &Limit) -> u32 {
        self.number(limit)
    }

    fn count(&mut self, limit: &Limit) -> usize {
        usize::try_from(self.number(limit)).unwrap_or(usize::MAX)
    }

    fn duration(&mut self, limit: &Limit) -> Duration {
        Duration::from_millis(u64::from(self.number(limit)))
    }

    fn finish(self) {
        if let Some(table) = self.table {
            table.finish(self.faults);
        }
    }
}
