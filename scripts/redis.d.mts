export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** After `kill`: on the same port, with what it had written. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The server's program, or the reason why there is none. */
export function findRedis(): { readonly program?: string; readonly reason?: string };

export function startRedis(options?: {
  readonly password?: string;
  readonly persistent?: boolean;
}): Promise<RedisServer>;
