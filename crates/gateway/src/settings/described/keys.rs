//! What each key is.

use super::{
    EVERY_MS, EVERY_MS_MAX, FREE_BYTES_MIN, Key, Kind, Often, QUARTERS_MAX, RESERVE_BYTES, Section,
    WATCH_MS, WATCH_MS_MAX, limits_section,
};

/// All tables, in the order in which they are described.
pub(super) fn sections() -> Vec<Section> {
    let [tls, provider_tls] = sides();
    vec![
        root(),
        catalog(),
        listen(),
        tls,
        provider_tls,
        ledger(),
        retain(),
        witness(),
        shadow(),
        state(),
        reload(),
        limits_section(),
        telemetry(),
    ]
}

fn root() -> Section {
    Section {
        name: "",
        what: "Who this gateway is.",
        often: Often::Root,
        keys: vec![
            Key::text(
                "instance",
                "this gateway's name within the origin of its ledger; lower-case letters, digits, \
                 hyphens",
                "north",
            ),
            Key::text(
                "audience",
                "the `aud` of the tokens that it accepts",
                "https://gateway.example",
            ),
        ],
    }
}

fn catalog() -> Section {
    Section {
        name: "catalog",
        what: "What is to be in force, and by what it is told whether it may.",
        often: Often::Once,
        keys: vec![
            Key::path(
                "folder",
                "the folder of the [catalogue](../../deploy/catalog/README.md): a set that is \
                 [signed and sealed](../owner/signing.md), its contracts within",
                "catalog",
            ),
            Key::path(
                "manifest_key",
                "the public key, PEM, that the set's manifest is signed with; from whoever \
                 publishes the catalogue, and nobody's who signs an agreement",
                "pki/publisher.pem",
            ),
            Key::path(
                "known_revision",
                "a file outside the set that says which revision was in force last: an older one, \
                 or another one of the same number, is refused. Made by `motlan policy accept`, \
                 moved forward by the gateway, which must be able to write its folder; one for \
                 each gateway",
                "data/known-revision.json",
            ),
        ],
    }
}

fn listen() -> Section {
    Section {
        name: "listen",
        what: "Where callers and the operator connect. Port 0 takes a free one.",
        often: Often::Once,
        keys: vec![
            Key::address("gateway", "address and port for callers", "0.0.0.0:8443"),
            Key::address(
                "admin",
                "address and port for `/metrics`, `/healthz`, `/readyz` (with `?verbose` also \
                 what is in force since when, and why the last one was refused), `/shadow`, \
                 `/log/` and `/log/<quarter>/` (the logs in the layout of C2SP tlog-tiles), in \
                 the clear: keep it off the callers' network",
                "127.0.0.1:9464",
            ),
        ],
    }
}

fn sides() -> [Section; 2] {
    let tls = vec![
        Key::path(
            "certificate",
            "our chain for callers, PEM, leaf first",
            "pki/server.pem",
        ),
        Key::path("key", "its private key, PEM; secret", "pki/server.key"),
        Key::path(
            "client_ca",
            "the authorities that may sign callers' certificates, PEM",
            "pki/ca.pem",
        ),
        Key::path(
            "client_crl",
            "which of those certificates are revoked: a list of each authority, and of each \
             intermediate one, PEM",
            "pki/clients.crl",
        )
        .usually("nothing is held to be revoked"),
    ];
    let provider_tls = vec![
        Key::path(
            "certificate",
            "our client chain for owners, PEM, leaf first",
            "pki/client.pem",
        ),
        Key::path("key", "its private key, PEM; secret", "pki/client.key"),
        Key::path(
            "ca",
            "the authorities that may sign owners' certificates, PEM",
            "pki/ca.pem",
        ),
        Key::path(
            "crl",
            "which of those are revoked, as above",
            "pki/owners.crl",
        )
        .usually("nothing is held to be revoked"),
    ];
    [
        ("tls", "What callers meet.", tls),
        ("provider_tls", "What owners meet.", provider_tls),
    ]
    .map(|(name, what, keys)| Section {
        name,
        what,
        often: Often::Once,
        keys,
    })
}

fn ledger() -> Section {
    let whole = (1, i64::MAX);
    let mut keys = ledger_paths();
    keys.extend([
        Key::number(
            "free_bytes_min",
            "not ready while less is free on the ledger's disk (the metric \
             `motlan_ledger_free_bytes` tells how much is); on a full one it gives no answers",
            whole,
            FREE_BYTES_MIN.cast_signed(),
        ),
        Key::number(
            "reserve_bytes",
            "how long the file is that holds room on the ledger's disk, and is given back when \
             that is full; 0 for none",
            (0, i64::MAX),
            RESERVE_BYTES.cast_signed(),
        ),
        Key::of(
            "keep_quarters",
            Kind::Number {
                min: 1,
                max: QUARTERS_MAX,
            },
            "before so many more quarters have begun, counted from its own and from that of its \
             newest record, `motlan ledger drop` drops no quarter's log. See \
             [ERASURE](ERASURE.md#the-log-of-a-quarter)",
            "40",
        )
        .usually("nothing is dropped"),
        Key::of(
            "witnesses_min",
            Kind::Number {
                min: 0,
                max: i64::MAX,
            },
            "so many witnesses make a checkpoint cosigned; at most as many as there are",
            "1",
        )
        .usually("more than half"),
        Key::number(
            "witnesses_required_at_start",
            "so many witnesses must have confirmed the log before anything is served; at most as \
             many as there are",
            (0, i64::MAX),
            0,
        ),
        Key::number(
            "witnesses_every_ms",
            "how often the newest checkpoint is taken to the witnesses at most",
            (1, EVERY_MS_MAX),
            EVERY_MS,
        ),
    ]);
    Section {
        name: "ledger",
        what: "Where the logs lie, with which key, and for how long.",
        often: Often::Once,
        keys,
    }
}

fn ledger_paths() -> Vec<Key> {
    vec![
        Key::path(
            "folder",
            "the ledger: a folder for the log of each quarter and, with witnesses, its cosigned \
             checkpoint (`2026q4.cosigned`). `motlan ledger init` makes the first, the gateway \
             each next one",
            "data/ledger",
        ),
        Key::text(
            "origin",
            "the prefix of the logs' origins; `/<instance>/<quarter>` follows",
            "gateway.example/audit",
        ),
        Key::path(
            "key",
            "the key that signs the logs of all quarters, made by `motlan ledger init`; secret",
            "data/ledger.key",
        ),
        Key::path(
            "sealing",
            "the folder of the files with the secrets of the sealed parts, outside \
             `ledger.folder`, each made with its log; secret; rewritten by an erasure. See \
             [ERASURE](ERASURE.md)",
            "data/sealing",
        ),
        Key::path(
            "index",
            "the folder of the search indexes, outside the ledger's folder; a folder of its own, \
             as those of `sealing` and `known_checkpoint`; derived, made where they are not there",
            "data/index",
        )
        .usually("`<folder>.index`"),
        Key::path(
            "known_checkpoint",
            "a folder outside the ledger's, best on another disk, where each log's newest \
             checkpoint is kept too: a ledger that was put back from an earlier day is then \
             refused. Made by `motlan ledger init`; [LEDGER.md](../LEDGER.md#opening)",
            "known",
        )
        .usually("none is kept"),
    ]
}

fn retain() -> Section {
    Section {
        name: "ledger.retain",
        what: "How long a dataset's sealed parts stay readable. See [ERASURE](ERASURE.md).",
        often: Often::Many,
        keys: vec![
            Key::text("dataset", "the dataset", "population"),
            Key::of(
                "quarters",
                Kind::Number {
                    min: 1,
                    max: QUARTERS_MAX,
                },
                "so many whole quarters after the one of the newest record",
                "20",
            ),
            Key::text(
                "ground",
                "the legal ground, which is recorded in public",
                "a law, article 1",
            ),
        ],
    }
}

fn witness() -> Section {
    Section {
        name: "witness",
        what: "Who cosigns the ledger's checkpoints; at most 16. \
               [LEDGER.md](../LEDGER.md#witnesses) says what they are for.",
        often: Often::Many,
        keys: vec![
            Key::text(
                "url",
                "the witness's submission prefix: `https://…`, or `http://…` for one on this \
                 machine",
                "https://witness.example",
            ),
            Key::text(
                "key",
                "its verifier key, `<name>+<hash>+<base64>`, from the agency that runs it",
                "<name>+<hash>+<base64>",
            ),
            Key::path(
                "ca",
                "the authorities that may sign its certificate, PEM; for `https`, and only there",
                "pki/witness-ca.pem",
            )
            .usually("none, for `http`"),
        ],
    }
}

fn shadow() -> Section {
    Section {
        name: "shadow",
        what: "A candidate beside what is in force. \
               [RELOAD](RELOAD.md#a-candidate-beside-it) says what it is for.",
        often: Often::AtMostOnce,
        keys: vec![Key::path(
            "catalog",
            "the folder of a candidate, signed or not, that decides beside the catalogue in \
             force, and of which `/shadow` tells what it would decide otherwise",
            "candidate",
        )],
    }
}

fn state() -> Section {
    Section {
        name: "state",
        what: "Needed where an agreement demands consent, reviews or notices, or is for \
               emergencies, and for collecting dossiers; [reviews](../owner/reviews.md) and \
               [corrections](../owner/corrections.md) say what it holds. A gateway brings the \
               file of the version before it up when it opens it; that version then refuses the \
               file.",
        often: Often::AtMostOnce,
        keys: vec![Key::path(
            "file",
            "the file, made by `motlan state init`; no other process may have it open",
            "data/state.redb",
        )],
    }
}

fn reload() -> Section {
    Section {
        name: "reload",
        what: "What is loaded anew by itself. See [RELOAD](RELOAD.md).",
        often: Often::AtMostOnce,
        keys: vec![Key::number(
            "watch_ms",
            "how often the files of TLS and the catalogue's manifest are looked at",
            (1, WATCH_MS_MAX),
            WATCH_MS,
        )],
    }
}

fn telemetry() -> Section {
    Section {
        name: "telemetry",
        what: "What is logged, and where traces go.",
        often: Often::AtMostOnce,
        keys: vec![
            Key::text(
                "log",
                "a filter for the JSON lines on standard error, as of \
                 `tracing_subscriber::EnvFilter`; what agreements oblige to log (`motlan_uses`) \
                 is there in any case",
                "info",
            )
            .usually("`info`"),
            Key::text(
                "otlp",
                "where traces go by OTLP over gRPC, e.g. `http://127.0.0.1:4317`",
                "http://127.0.0.1:4317",
            )
            .usually("no traces are made"),
        ],
    }
}
