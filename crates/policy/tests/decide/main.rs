//! What is decided, over the reference catalogue and additions to it.

#[cfg(test)]
mod agreements;
#[cfg(test)]
mod backing;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod shown;
#[cfg(test)]
mod terms;
#[cfg(test)]
mod way;
