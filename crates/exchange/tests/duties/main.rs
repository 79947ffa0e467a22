//! What a grant obliges to, in the hands of somebody who may not be able to do it.

#[cfg(test)]
mod performed;
