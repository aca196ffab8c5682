// Sharing a list: its people, links that invite more, and leaving it.

import { type FormEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import type { Invitation, Member, Sharing, TodoList } from "../lib/api.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { locale, said, saidWith, type Text } from "../lib/language.ts";
import { FailureMessage } from "../parts/message.tsx";
import { useOnline } from "../parts/online.ts";

type Role = Member["role"];

export const ROLES: Record<Role, Text> = { editor: "can edit", viewer: "can look" };

interface ShareProps {
  api: Sharing;
  list: TodoList;
  /** The person's own name, as others will see it. */
  name: string;
  /** The list was made without a network, and is not sent yet. */
  isToCome: boolean;
  /** Called after each change, so that the lists are read again. */
  changed: () => void;
  close: () => void;
}

export function Share({ api, list, name, isToCome, changed, close }: ShareProps): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [members, setMembers] = useState<Member[] | null>(null);
  const [invitations, setInvitations] = useState<Invitation[]>([]);
  const [link, setLink] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const isOwner = list.role === "owner";
  const isOnline = useOnline();

  const read = useCallback(async (): Promise<void> => {
    setMembers(await api.members(list.id));
    if (isOwner) setInvitations(await api.invitations(list.id));
  }, [api, list.id, isOwner]);

  const attempt = useCallback(async (act: () => Promise<unknown>): Promise<void> => {
    setFailure(null);
    try {
      await act();
    } catch (error) {
      setFailure(expected(error));
    }
  }, []);

  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    if (!isToCome) void attempt(read);
  }, [attempt, read, isToCome, isOnline, list.version]); // the network is back; or somebody has joined or left

  async function change(act: () => Promise<unknown>): Promise<void> {
    await attempt(async () => {
      await act();
      changed();
      await read();
    });
  }

  return (
    <dialog ref={dialog} className="share" aria-label={said("Share: {name}", { name: list.name })} onClose={close}>
      <div className="heading">
        <h2 dir="auto">{isOwner ? said("Share “{name}”", { name: list.name }) : list.name}</h2>
        <button
          type="button"
          className="plain dismiss"
          aria-label={said("Close")}
          onClick={() => dialog.current?.close()}
        >
          ×
        </button>
      </div>
      {!isOwner && (
        <p className="hint">
          {saidWith(
            list.role === "viewer"
              ? "{name} shares this list with you. You can look at it."
              : "{name} shares this list with you. You can edit what is in it.",
            { name: <bdi>{list.shared_by}</bdi> },
          )}
        </p>
      )}
      {(!isOnline || isToCome) && (
        <p className="message notice" role="status">
          {said(
            isToCome
              ? "This list is not sent yet. It can be shared as soon as the network is back."
              : "Sharing needs the network: who is on a list is decided by the service, at once for everybody. Your list and its todos can be changed meanwhile.",
          )}
        </p>
      )}
      {isOwner && <Invite isPossible={!isToCome} invite={(role) => attempt(async () => setLink(await made(role)))} />}
      {link && <Link link={link} />}
      {failure && isOnline && <FailureMessage failure={failure} />}
      {members && (
        <section aria-label={said("People")}>
          <h3>{said("People")}</h3>
          <ul className="people">
            <li>
              <bdi>{isOwner ? name : list.shared_by}</bdi>
              <small>{said(isOwner ? "you, the owner" : "the owner")}</small>
            </li>
            {members.map((each) => (
              <Person
                key={each.id}
                member={each}
                isOwner={isOwner}
                setRole={(role) => change(() => api.changeMember(list.id, each.id, role))}
                remove={() => change(() => api.removeMember(list.id, each.id))}
              />
            ))}
          </ul>
        </section>
      )}
      {invitations.length > 0 && (
        <section aria-label={said("Open invitations")}>
          <h3>{said("Open invitations")}</h3>
          <ul className="people">
            {invitations.map((each) => (
              <li key={each.id}>
                <span>
                  {said(each.role === "editor" ? "To edit" : "To look")}
                  <small>{said("until {day}", { day: day(each.expires_at) })}</small>
                </span>
                <button
                  type="button"
                  className="plain"
                  onClick={() => {
                    setLink(null);
                    void attempt(async () => {
                      await api.withdraw(list.id, each.id);
                      await read();
                    });
                  }}
                >
                  {said("Withdraw")}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {!isOwner && (
        <button
          type="button"
          className="danger"
          onClick={() =>
            void attempt(async () => {
              await api.removeMember(list.id, "me");
              changed();
              close();
            })
          }
        >
          {said("Leave the list")}
        </button>
      )}
    </dialog>
  );

  async function made(role: Role): Promise<string> {
    const { token } = await api.invite(list.id, role, name);
    await read();
    return `${window.location.origin}/invitation#${token}`;
  }
}

function Invite({ isPossible, invite }: { isPossible: boolean; invite: (role: Role) => Promise<void> }): ReactNode {
  const [role, setRole] = useState<Role>("editor");
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isPossible) void invite(role);
  }
  return (
    <form onSubmit={submit}>
      <fieldset className="segments">
        <legend>{said("Whoever gets the link")}</legend>
        {(Object.keys(ROLES) as Role[]).map((each) => (
          <label key={each}>
            <input type="radio" name="role" checked={role === each} onChange={() => setRole(each)} />
            <span>{said(ROLES[each])}</span>
          </label>
        ))}
      </fieldset>
      <button type="submit" className="primary" aria-disabled={!isPossible}>
        {said("Make a link")}
      </button>
    </form>
  );
}

/** The link is shown this once: nobody, not even the service, can show it again. */
function Link({ link }: { link: string }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    setCopied(false);
    field.current?.select();
  }, [link]);
  return (
    <div className="link">
      <label htmlFor="link">{said("Send this link to one person. It works once, for a week.")}</label>
      <div className="control">
        <input id="link" ref={field} readOnly value={link} onFocus={(event) => event.target.select()} />
        <button
          type="button"
          onClick={() => {
            field.current?.select();
            void navigator.clipboard.writeText(link).then(
              () => setCopied(true),
              () => undefined, // forbidden: the link is selected, and can be copied by hand
            );
          }}
        >
          {said(isCopied ? "Copied" : "Copy")}
        </button>
      </div>
    </div>
  );
}

interface PersonProps {
  member: Member;
  isOwner: boolean;
  setRole: (role: Role) => Promise<void>;
  remove: () => Promise<void>;
}

function Person({ member, isOwner, setRole, remove }: PersonProps): ReactNode {
  return (
    <li>
      <span>
        <bdi>{member.name}</bdi>
        <small>
          {member.is_you && said("you, ")}
          {isOwner ? said("since {day}", { day: day(member.joined_at) }) : said(ROLES[member.role])}
        </small>
      </span>
      {isOwner && (
        <span className="choices">
          <select
            aria-label={said("What {name} may do", { name: member.name })}
            value={member.role}
            onChange={(event) => void setRole(event.target.value as Role)}
          >
            {(Object.keys(ROLES) as Role[]).map((each) => (
              <option key={each} value={each}>
                {said(ROLES[each])}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="plain"
            aria-label={said("Remove {name}", { name: member.name })}
            onClick={() => void remove()}
          >
            {said("Remove")}
          </button>
        </span>
      )}
    </li>
  );
}

function day(instant: string): string {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long" }).format(new Date(instant));
}
