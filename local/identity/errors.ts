// Why the provider did not start. Each message is one sentence that says how to mend it.

abstract class IdentityError extends Error {
  abstract readonly code: string;
  override readonly name: string = this.constructor.name;
}

/** The clients file is missing or does not say what it must. */
export class ClientsFileError extends IdentityError {
  readonly code = "CLIENTS_FILE";
}

/** A file of the data directory cannot be used. */
export class StateError extends IdentityError {
  readonly code = "STATE_BROKEN";
}

/** The port is not ours to have. */
export class PortTakenError extends IdentityError {
  readonly code = "PORT_TAKEN";
}
