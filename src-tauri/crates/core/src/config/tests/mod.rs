mod edit;
mod properties;
mod read;
mod splice;
