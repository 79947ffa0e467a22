//! An enquiry that no announcement stands behind.
use std::sync::Arc;
use std::time::Instant;

use motlan_catalog::Method;
use motlan_exchange::Enquiry;

fn made(method: Arc<Method>) -> Enquiry {
    Enquiry {
        method,
        request: Vec::new().into(),
        caller: String::new(),
        procedure: String::new(),
        dossier: None,
        record: String::new(),
        token: "".into(),
        trace_parent: None,
        deadline: Instant::now(),
    }
}

fn main() {}
