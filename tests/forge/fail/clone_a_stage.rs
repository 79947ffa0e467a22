//! A stage is copied, to go on from it twice.
use motlan_audit::Durable;
use motlan_exchange::{Announced, Answer, Caller, Outcome, Permitted, Question, Recorded};
use motlan_policy::Permit;

fn is_clone<T: Clone>() {}

fn main() {
    is_clone::<Caller>();
    is_clone::<Question>();
    is_clone::<Permit>();
    is_clone::<Permitted>();
    is_clone::<Durable>();
    is_clone::<Announced>();
    is_clone::<Answer>();
    is_clone::<Outcome>();
    is_clone::<Recorded>();
}
