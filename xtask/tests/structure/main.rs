//! The rules that the repository keeps, checked against its own files.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod words;
