//! What the testkit promises to those who test with it.

#[cfg(test)]
mod contracts;
#[cfg(test)]
mod misbehaviour;
#[cfg(test)]
mod pki;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod token;
#[cfg(test)]
mod world;
