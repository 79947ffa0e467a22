//! Catalogues as they are loaded from folders.

mod broken;
mod contracts;
mod reference;
mod requests;
mod small;
