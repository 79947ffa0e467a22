//! The mask against the traps of the wire format, and against a slow and obvious twin.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod contracts;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod covers;
#[cfg(test)]
mod editions;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod oneofs;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod property;
#[cfg(test)]
mod supply;
#[cfg(test)]
mod traps;
#[cfg(test)]
mod twin;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod withheld;
