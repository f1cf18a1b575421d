// Where the pages of this server's entities are: the `url` fields of the API and of webhooks point at the local board.

export class Links {
  /** @param baseUrl of the board, without a trailing slash */
  constructor(readonly baseUrl: string) {}

  issue(identifier: string): string {
    return `${this.baseUrl}/issue/${encodeURIComponent(identifier)}`;
  }

  comment(identifier: string, commentId: string): string {
    return `${this.issue(identifier)}#comment-${commentId.slice(0, 8)}`;
  }

  user(displayName: string): string {
    return `${this.baseUrl}/?user=${encodeURIComponent(displayName)}`;
  }

  project(slugId: string): string {
    return `${this.baseUrl}/?project=${encodeURIComponent(slugId)}`;
  }
}
