//! A question permitted by nobody.
use motlan_exchange::{Permitted, Question};
use motlan_policy::Permit;

fn forged(question: Question, permit: Permit) -> Permitted {
    Permitted { question, permit }
}

fn main() {}
