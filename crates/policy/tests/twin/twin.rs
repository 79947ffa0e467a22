//! The decision against a slow, obvious twin: random questions over random agreements, each decided
//! twice, by Cedar and by plain Rust that reads the agreements one by one.
//!
//! A part of the crate's own tests: only from within can other guards be put in place of ours.

mod world;

use std::sync::atomic::{AtomicUsize, Ordering};

use motlan_catalog::{Agreement, Catalog, Grant, Kind, Method, ProcedureCode, System};

use crate::moment::Moment;
use crate::rules::{Backing, Query, Rules};
use world::{CONSUMERS, FORBIDDEN, OFFICIALS, OWNERS, PROCEDURES, Rng};

/// A million, in sets of agreements of every size, some asked again a moment later.
const SETS: usize = 50;
const QUESTIONS_PER_SET: usize = 20_000;

const GUARDS: &str = include_str!("../../src/rules/guards.cedar");
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Monday 2026-02-02, midnight in Việt Nam.
const MONDAY_MS: i64 = 1_769_965_200_000;

/// A question, before anybody decides it.
struct Asked<'a> {
    system: &'a System,
    method: &'a Method,
    procedure: ProcedureCode,
    dossier: bool,
    consented: Option<Vec<String>>,
    approvals: u8,
    emergency: Option<&'static str>,
    cited: Option<String>,
    fields: Vec<String>,
    at_ms: i64,
}

/// The grant and the paths that leave, sorted; or the reason of the refusal.
type Answer = Result<(String, Vec<String>), String>;

fn by_rules(rules: &Rules, asked: &Asked<'_>) -> Answer {
    let query = Query {
        system: asked.system,
        method: asked.method,
        procedure: &asked.procedure,
        dossier: asked.dossier,
        backing: Backing {
            consented: asked.consented.as_deref(),
            approvals: asked.approvals,
            emergency: asked.emergency,
        },
        cited: asked.cited.as_deref(),
        fields: &asked.fields,
    };
    match rules.decide(&query, Moment::from_unix_ms(asked.at_ms)) {
        Ok(permit) => {
            let mut paths = permit.paths().to_vec();
            paths.sort_unstable();
            Ok((permit.grant().to_string(), paths))
        }
        Err(refusal) => Err(refusal.reason().to_owned()),
    }
}

/// What is wrong with one grant for a question, in the order in which a caller is told.
fn objections(agreement: &Agreement, grant: &Grant, asked: &Asked<'_>) -> Vec<&'static str> {
    let local_ms = asked.at_ms + 7 * HOUR_MS;
    let minute = local_ms.rem_euclid(DAY_MS) / 60_000;
    let weekday = (asked.at_ms - MONDAY_MS).div_euclid(DAY_MS).rem_euclid(7) + 1;
    let day = grant
        .hours
        .days
        .iter()
        .any(|day| i64::from(day.number()) == weekday);
    let hour = grant.hours.spans.iter().any(|span| {
        i64::from(span.from_minute()) <= minute && minute < i64::from(span.until_minute())
    });
    let named = grant.systems.is_empty() || grant.systems.contains(&asked.system.id);
    let in_force = agreement.valid.from_ms <= asked.at_ms && asked.at_ms < agreement.valid.until_ms;
    let forbidden = asked.procedure.as_str() == FORBIDDEN;
    let list = asked.method.kind == Kind::List;
    let owner = match grant.dataset.as_str() {
        "population" if forbidden => "OWNER_NOT_FOR_THIS",
        "land" if forbidden && list && minute >= 720 => "OWNER_NO_LISTS",
        _ => "",
    };
    let terms = &grant.terms;
    let declared = asked.emergency.is_some();
    let named_official = terms.break_glass.as_ref().is_some_and(|emergency| {
        let mut officials = emergency.officials.iter();
        officials.any(|official| asked.emergency == Some(official))
    });
    let relaxed = |guard: &str| {
        let relaxes = terms.break_glass.as_ref().map(|one| one.relaxes.as_slice());
        let mut relaxes = relaxes.unwrap_or_default().iter();
        declared && relaxes.any(|one| one.as_str() == guard)
    };
    let open = (day && hour) || relaxed("OUTSIDE_HOURS");
    let secret = grant.dataset.as_str() == "vault";
    let checks = [
        (asked.system.suspended, "SYSTEM_SUSPENDED"),
        (!named, "SYSTEM_NOT_NAMED"),
        (
            !grant.procedures.contains(&asked.procedure),
            "PURPOSE_NOT_COVERED",
        ),
        (!in_force, "AGREEMENT_NOT_IN_FORCE"),
        (terms.break_glass.is_some() && !declared, "BREAK_GLASS_ONLY"),
        (
            terms.break_glass.is_none() && declared,
            "NOT_FOR_EMERGENCIES",
        ),
        (
            terms.break_glass.is_some() && declared && !named_official,
            "OFFICIAL_NOT_NAMED",
        ),
        (
            terms.dossier_required && !asked.dossier && !relaxed("DOSSIER_REQUIRED"),
            "DOSSIER_REQUIRED",
        ),
        (
            terms.consent_required && asked.consented.is_none() && !relaxed("CONSENT_REQUIRED"),
            "CONSENT_REQUIRED",
        ),
        (
            asked.approvals < terms.approvals && !relaxed("APPROVALS_REQUIRED"),
            "APPROVALS_REQUIRED",
        ),
        (secret && asked.approvals < 2, "SECRET_NEEDS_TWO"),
        (!open, "OUTSIDE_HOURS"),
        (!owner.is_empty(), owner),
    ];
    let wrong = checks.into_iter().filter(|(wrong, _)| *wrong);
    wrong.map(|(_, reason)| reason).collect()
}

fn by_reading(catalog: &Catalog, asked: &Asked<'_>) -> Answer {
    let mut any = false;
    let mut fitting = Vec::new();
    let mut nearest: Option<(usize, usize, &str)> = None;
    for agreement in catalog.agreements() {
        for grant in &agreement.grants {
            let of_party = agreement.consumer == asked.system.agency;
            let of_method = grant
                .methods
                .iter()
                .any(|one| one.path == asked.method.path);
            if !of_party || !of_method {
                continue;
            }
            any = true;
            if asked
                .cited
                .as_ref()
                .is_some_and(|cited| *cited != grant.id.as_str())
            {
                continue;
            }
            let wrong = objections(agreement, grant, asked);
            let Some(first) = wrong.first().copied() else {
                fitting.push(grant);
                continue;
            };
            let near = (wrong.len(), rank(first), first);
            if nearest.is_none_or(|best| near < best) {
                nearest = Some(near);
            }
        }
    }
    match (fitting.as_slice(), nearest) {
        ([one], _) => leaving(one, asked),
        ([], Some((_, _, reason))) => Err(reason.to_owned()),
        ([], None) if any => Err("GRANT_UNKNOWN".to_owned()),
        ([], None) if asked.system.suspended => Err("SYSTEM_SUSPENDED".to_owned()),
        ([], None) => Err("NO_AGREEMENT".to_owned()),
        _ => Err("GRANT_AMBIGUOUS".to_owned()),
    }
}

fn rank(reason: &str) -> usize {
    let order = [
        "SYSTEM_SUSPENDED",
        "SYSTEM_NOT_NAMED",
        "PURPOSE_NOT_COVERED",
        "AGREEMENT_NOT_IN_FORCE",
        "BREAK_GLASS_ONLY",
        "NOT_FOR_EMERGENCIES",
        "OFFICIAL_NOT_NAMED",
        "DOSSIER_REQUIRED",
        "CONSENT_REQUIRED",
        "APPROVALS_REQUIRED",
        "SECRET_NEEDS_TWO",
        "OUTSIDE_HOURS",
    ];
    order
        .iter()
        .position(|one| *one == reason)
        .unwrap_or(order.len())
}

fn leaving(grant: &Grant, asked: &Asked<'_>) -> Answer {
    let mut paths = grant.view.paths.clone();
    if let Some(field) = asked.fields.first() {
        if asked.method.response.get_field_by_name(field).is_none() {
            return Err("FIELD_UNKNOWN".to_owned());
        }
        if !grant.view.paths.contains(field) {
            return Err("FIELD_NOT_GRANTED".to_owned());
        }
        paths = vec![field.clone()];
    }
    if let Some(consented) = asked.consented.as_ref().filter(|fields| !fields.is_empty()) {
        let beneath =
            |path: &str, wide: &str| path == wide || path.starts_with(&format!("{wide}."));
        let asked_all = asked.fields.is_empty();
        let mut both: Vec<String> = Vec::new();
        for path in &paths {
            for one in consented {
                if beneath(path, one) {
                    both.push(path.clone());
                } else if asked_all && beneath(one, path) {
                    both.push(one.clone());
                }
            }
        }
        both.sort_unstable();
        both.dedup();
        if both.is_empty() {
            return Err("FIELD_NOT_CONSENTED".to_owned());
        }
        paths = both;
    }
    paths.sort_unstable();
    Ok((grant.id.to_string(), paths))
}

/// An instant: often one at which something begins or ends.
fn instant(rng: &mut Rng, catalog: &Catalog) -> i64 {
    let nudge = [-1, 0, 1, 59_999, -60_000][rng.below(5)];
    match rng.below(8) {
        0 => {
            let valid = rng.of(catalog.agreements()).valid;
            let edge = if rng.once_in(2) {
                valid.from_ms
            } else {
                valid.until_ms
            };
            edge + nudge
        }
        // A minute of a day of the week in which every agreement is in force.
        1..=6 => {
            let spans = [
                0, 1, 360, 390, 420, 450, 690, 720, 721, 780, 1020, 1050, 1439,
            ];
            let day = i64::try_from(rng.below(7)).unwrap() * DAY_MS;
            MONDAY_MS + day + rng.of(&spans) * 60_000 + nudge
        }
        _ => MONDAY_MS - 300 * DAY_MS + i64::try_from(rng.below(60_000_000)).unwrap() * 1_000,
    }
}

fn question<'a>(
    rng: &mut Rng,
    catalog: &'a Catalog,
    systems: &[&'a System],
    methods: &[&'a Method],
) -> Asked<'a> {
    let agreement = rng.of(catalog.agreements());
    let grant = rng.of(&agreement.grants);
    // Mostly about one grant: else nearly everything would be refused for want of an agreement.
    let (system, method) = if rng.once_in(8) {
        (*rng.of(systems), *rng.of(methods))
    } else {
        let of_party: Vec<&System> = systems
            .iter()
            .copied()
            .filter(|system| system.agency == agreement.consumer)
            .collect();
        let method = rng.of(&grant.methods);
        let method = methods.iter().find(|one| one.path == method.path).unwrap();
        (*rng.of(&of_party), *method)
    };
    let procedure = match rng.below(8) {
        0 => PROCEDURES[rng.below(PROCEDURES.len())].parse().unwrap(),
        1 => FORBIDDEN.parse().unwrap(),
        _ => rng.of(&grant.procedures).clone(),
    };
    let cited = match rng.below(4) {
        0 => None,
        1 => {
            let other = rng.of(catalog.agreements());
            Some(rng.of(&other.grants).id.to_string())
        }
        _ => Some(grant.id.to_string()),
    };
    let fields = match rng.below(12) {
        0 => vec!["personal_id".to_owned()],
        1 => vec!["state".to_owned()],
        2 => vec!["nothing".to_owned()],
        _ => Vec::new(),
    };
    // What the grant demands of others, often enough that something is allowed.
    let terms = &grant.terms;
    let consented = match rng.below(8) {
        0..=2 => Some(Vec::new()),
        3 => Some(vec!["full_name".to_owned(), "code".to_owned()]),
        4 => Some(vec!["date_of_birth.year".to_owned(), "sex".to_owned()]),
        _ if terms.consent_required && !rng.once_in(3) => Some(Vec::new()),
        _ => None,
    };
    let approvals = match rng.below(4) {
        0 => u8::try_from(rng.below(4)).unwrap(),
        _ => terms.approvals,
    };
    let emergency = match terms.break_glass {
        Some(_) => (!rng.once_in(4)).then(|| *rng.of(&OFFICIALS)),
        None => rng.once_in(16).then(|| *rng.of(&OFFICIALS)),
    };
    Asked {
        system,
        method,
        consented,
        approvals,
        emergency,
        procedure,
        dossier: !rng.once_in(4),
        cited,
        fields,
        at_ms: instant(rng, catalog),
    }
}

/// What was compared.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    questions: usize,
    allowed: usize,
    differences: usize,
}

impl Tally {
    fn add(&mut self, rules: &Rules, catalog: &Catalog, asked: &Asked<'_>) {
        let decided = by_rules(rules, asked);
        self.questions += 1;
        self.allowed += usize::from(decided.is_ok());
        self.differences += usize::from(decided != by_reading(catalog, asked));
    }
}

fn compare(catalog: &Catalog, rules: &Rules, seed: u64, questions: usize) -> Tally {
    let mut rng = Rng::new(seed);
    let systems: Vec<&System> = catalog.systems().map(AsRef::as_ref).collect();
    assert_eq!(systems.len(), 3 * CONSUMERS.len() + OWNERS.len());
    let datasets = catalog.datasets();
    let methods: Vec<&Method> = datasets
        .flat_map(|dataset| dataset.methods.iter().map(AsRef::as_ref))
        .collect();
    let mut tally = Tally::default();
    for _ in 0..questions {
        let mut asked = question(&mut rng, catalog, &systems, &methods);
        tally.add(rules, catalog, &asked);
        if !rng.once_in(4) {
            continue;
        }
        // The same a moment later, or earlier: what is remembered must not outlive its grounds.
        asked.at_ms += rng.of(&[0, 1, -1, 4_999, 5_000, 59_999, 60_000, -60_000]);
        tally.add(rules, catalog, &asked);
    }
    tally
}

/// One set of agreements under the rules that are in force, its tests tried.
fn set(seed: u64) -> Tally {
    let catalog = world::random(seed);
    let rules = Rules::new(&catalog).unwrap_or_else(|error| panic!("{error}"));
    compare(&catalog, &rules, seed, QUESTIONS_PER_SET)
}

/// R21, R22, R25, R26, R27.
#[test]
fn a_million_questions_are_decided_as_the_agreements_read() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tallies = Vec::new();
        loop {
            let set = next.fetch_add(1, Ordering::Relaxed);
            if set >= SETS {
                return tallies;
            }
            tallies.push(self::set(set as u64));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let questions = sum(|tally| tally.questions);
    assert!(questions > 1_000_000, "{questions}");
    assert_eq!(sum(|tally| tally.differences), 0);
    // Neither all nor nothing is allowed: the comparison has something to compare.
    let allowed = sum(|tally| tally.allowed);
    assert!(
        (100_000..900_000).contains(&allowed),
        "{allowed} are allowed"
    );
}

/// Sets of agreements on which the twin notices that other rules decide in place of ours.
struct Watch(Vec<Catalog>);

impl Watch {
    fn new() -> Self {
        Self((0..20).map(world::random).collect())
    }

    fn notices(&self, guards: &str) -> bool {
        self.0.iter().enumerate().any(|(seed, catalog)| {
            let rules = Rules::untested(catalog, guards).unwrap();
            compare(catalog, &rules, seed as u64, 500).differences > 0
        })
    }
}

#[test]
fn a_guard_that_is_missing_is_noticed() {
    let watch = Watch::new();
    assert!(!watch.notices(GUARDS));
    let rules: Vec<&str> = GUARDS.split("\n@reason").collect();
    assert_eq!(rules.len(), 14, "prose, a permit and twelve guards");
    for missing in 2..rules.len() {
        let kept = rules.iter().enumerate().filter(|(at, _)| *at != missing);
        let kept: Vec<&str> = kept.map(|(_, rule)| *rule).collect();
        assert!(
            watch.notices(&kept.join("\n@reason")),
            "@reason{}",
            rules[missing]
        );
    }
}

/// R20: trying what no grant names finds rules that ask for no purpose.
#[test]
fn rules_that_allow_what_no_grant_names_are_noticed() {
    let mut rules = GUARDS.split("\n@reason").collect::<Vec<_>>();
    rules.retain(|rule| !rule.starts_with("(\"PURPOSE_NOT_COVERED\")"));
    let mut few = (0..).map(world::random);
    let catalog = few.find(|it| it.agreements().len() < 3).unwrap();
    let at = Moment::from_unix_ms(MONDAY_MS);
    let sound = Rules::untested(&catalog, GUARDS).unwrap();
    assert_eq!(sound.unnamed(&catalog, at).allowed, []);
    let holed = Rules::untested(&catalog, &rules.join("\n@reason")).unwrap();
    assert!(!holed.unnamed(&catalog, at).allowed.is_empty());
}

#[test]
fn an_edge_that_is_off_by_one_is_noticed() {
    let watch = Watch::new();
    for (from, to) in [
        (
            "context.now_ms < resource.valid",
            "context.now_ms <= resource.valid",
        ),
        (
            "resource.valid_from_ms <= context",
            "resource.valid_from_ms < context",
        ),
        (
            "context.local_minute < resource.hours.first",
            "context.local_minute <= resource.hours.first",
        ),
        (
            "resource.hours.first_from <= context",
            "resource.hours.first_from < context",
        ),
        (
            "context.local_minute < resource.hours.second",
            "context.local_minute <= resource.hours.second",
        ),
        (
            "resource.hours.second_from <= context",
            "resource.hours.second_from < context",
        ),
        (
            "context.local_minute < resource.hours.third",
            "context.local_minute <= resource.hours.third",
        ),
        (
            "resource.hours.third_from <= context",
            "resource.hours.third_from < context",
        ),
        (
            "!resource.terms.dossier_required ||",
            "resource.terms.dossier_required ||",
        ),
        (
            "resource.terms.approvals <= context.approvals",
            "resource.terms.approvals < context.approvals + 2",
        ),
        ("2 <= context.approvals", "1 <= context.approvals"),
        (
            "resource.terms.relaxes.contains(\"CONSENT_REQUIRED\")",
            "resource.terms.break_glass",
        ),
        (
            "context.emergency && resource.terms.relaxes.contains(\"DOSSIER_REQUIRED\")",
            "context.emergency",
        ),
        (
            "resource.terms.officials.contains(context.official)",
            "!resource.terms.officials.isEmpty()",
        ),
        ("principal in resource.consumer &&", ""),
    ] {
        assert!(GUARDS.contains(from), "{from}");
        let planted = GUARDS.replacen(from, to, 1);
        let noticed = watch.notices(&planted);
        // Parties are sliced before Cedar is asked, so that its own check is a second one.
        assert_eq!(noticed, !from.starts_with("principal"), "{from}");
    }
}
