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

pub(super) fn read(table: Option<Table<'_>>, faults: &mut Faults) -> Limits {
    let mut numbers = Numbers { table, faults };
    let limits = Limits {
        listener: ListenerLimits {
            connections_max: numbers.count("connections_max", 10_000, 1_000_000),
            handshakes_max: numbers.count("handshakes_max", 256, 100_000),
            handshakes_per_address_max: numbers.count("handshakes_per_address_max", 64, 100_000),
            handshake_max: numbers.duration("handshake_ms_max", 5_000, 60_000),
            streams_max: numbers.count32("streams_max", 256, 10_000),
            connection_age_max: numbers.duration("connection_age_ms_max", 3_600_000, 86_400_000),
        },
        lookup: LookupLimits {
            request_bytes_max: numbers.count("request_bytes_max", 65_536, 1 << 20),
            lookup_max: numbers.duration("lookup_ms_max", 10_000, 600_000),
            in_flight_max: numbers.count("in_flight_max", 4_096, 1_000_000),
            in_flight_per_system_max: numbers.count("in_flight_per_system_max", 1_024, 1_000_000),
        },
        owners: OwnerLimits {
            connections: numbers.count("provider_connections", 4, 64),
            // With four connections to one address, half of what one system may have under way: a
            // slow dataset leaves its callers room to ask the others.
            streams_max: numbers.count("provider_streams_max", 128, 10_000),
            dial_max: numbers.duration("dial_ms_max", 2_000, 60_000),
            answer: FrameLimits {
                body_bytes_max: numbers.count("answer_bytes_max", 4 << 20, 256 << 20),
                messages_max: numbers.count("answer_messages_max", 10_000, 1_000_000),
            },
        },
        witness_max: numbers.duration("witness_ms_max", 5_000, 60_000),
        drain_max: numbers.duration("drain_ms_max", 30_000, 600_000),
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
    fn number(&mut self, key: &str, default: u32, max: u32) -> u32 {
        let found = self
            .table
            .as_mut()
            .and_then(|table| table.opt_integer(key, 1..=i64::from(max), self.faults));
        found.map_or(default, |found| {
            u32::try_from(found.value).unwrap_or(default)
        })
    }

    fn count32(&mut self, key: &str, default: u32, max: u32) -> u32 {
        self.number(key, default, max)
    }

    fn count(&mut self, key: &str, default: u32, max: u32) -> usize {
        usize::try_from(self.number(key, default, max)).unwrap_or(usize::MAX)
    }

    fn duration(&mut self, key: &str, default_ms: u32, max_ms: u32) -> Duration {
        Duration::from_millis(u64::from(self.number(key, default_ms, max_ms)))
    }

    fn finish(self) {
        if let Some(table) = self.table {
            table.finish(self.faults);
        }
    }
}
