/** Who may come in through a tunnel, as it holds now. Without a rule everybody may. */
export interface AccessRules {
  readonly password?: PasswordRule
  /** Addresses and CIDR blocks; none but these come in. */
  readonly allow?: readonly string[]
  /** The same; these never come in, even when they are allowed. */
  readonly deny?: readonly string[]
  /** Paths that need no password, such as `/webhook` and `/hooks/*`. */
  readonly open?: readonly string[]
  /** In capital letters; none but these are let in. */
  readonly methods?: readonly string[]
  /** From then on nobody comes in; in milliseconds since the epoch. */
  readonly closesAt?: number
  /** Who signs the links that stand for the password. */
  readonly link?: LinkSigner
}

export interface PasswordRule {
  /** Any unless given. */
  readonly user?: string
  /** `digestOf` the password. */
  readonly digest: Uint8Array
}

export interface LinkSigner {
  /** Random, of this workspace; a new one ends all links. */
  readonly key: string
  /** What a link is for: the port as it stands in the settings. It counts for no other. */
  readonly subject: string
}

/** What the settings say of access: the same rules, without the secrets and the hour. */
export interface AccessWish extends Pick<AccessRules, 'allow' | 'deny' | 'open' | 'methods'> {
  readonly password?: boolean
  readonly user?: string
  /** In milliseconds from when the port is exposed. */
  readonly closeAfterMs?: number
}

/** True when only HTTP can hold such rules: nobody else can be asked for a password. */
export function needHttp({
  password,
  methods,
}: Pick<AccessRules, 'methods'> & { password?: unknown }): boolean {
  return (password ?? false) !== false || methods !== undefined
}
