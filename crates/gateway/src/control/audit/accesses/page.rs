//! A page of accesses while it is filled.

use motlan_api::audit::v1::{Access, SubjectAccessesResponse};
use prost::Message as _;

use super::super::failure::Failure;
use super::token::PageKey;

/// A page is full at this size: clients take 4 MiB.
const PAGE_BYTES_FULL: usize = 2 << 20;

/// A page that is being filled, from the newest log to the oldest. Once it is full it is looked
/// ahead for one more that is told: whether there is a next page is not to depend on what is held.
pub(super) struct Page {
    pub(super) accesses: Vec<Access>,
    pub(super) size: usize,
    bytes: usize,
    /// How many records were read.
    pub(super) read: usize,
    /// Where the next page begins, if there is one.
    pub(super) leads_on: String,
    /// There is a next page.
    pub(super) is_done: bool,
}

impl Page {
    pub(super) fn of(size: usize) -> Page {
        Page {
            accesses: Vec::new(),
            size,
            bytes: 0,
            read: 0,
            leads_on: String::new(),
            is_done: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.accesses.len() >= self.size || self.bytes >= PAGE_BYTES_FULL
    }

    pub(super) fn add(&mut self, access: Access) {
        self.bytes += access.encoded_len();
        self.accesses.push(access);
    }

    pub(super) fn response(self, pages: &PageKey) -> Result<SubjectAccessesResponse, Failure> {
        let next_page_token = match self.is_done {
            true => pages.seal(&self.leads_on).map_err(|_| Failure::lost())?,
            false => String::new(),
        };
        Ok(SubjectAccessesResponse {
            accesses: self.accesses,
            next_page_token,
            look: String::new(),
        })
    }
}
