// The list of the person's sessions. The server shows it only soon after a sign-in, so an old session asks for the password
// first.

import { type ReactNode, useCallback, useEffect, useState } from "react";
import * as auth from "../lib/auth.ts";
import { expected, type Failure } from "../lib/failure.ts";
import { nameDevice, sinceWhen } from "../lib/devices.ts";
import { said } from "../lib/language.ts";
import { leave } from "../lib/leaving.ts";
import { PasswordField } from "./field.tsx";
import { SubmitButton, useSubmission } from "./form.tsx";
import { FailureMessage } from "./message.tsx";

interface DevicesProps {
  email: string;
  handle: string;
  isWithoutPassword: boolean;
}

export function Devices({ email, handle, isWithoutPassword }: DevicesProps): ReactNode {
  const [{ devices, now }, setListed] = useState<{ devices: auth.Device[] | null; now: number }>({
    devices: null,
    now: 0,
  });
  const [failure, setFailure] = useState<Failure | null>(null);

  const load = useCallback(async () => {
    try {
      setListed({ devices: await auth.listDevices(), now: Date.now() });
      setFailure(null);
    } catch (error) {
      setFailure(expected(error));
    }
  }, []);
  useEffect(() => void load(), [load]);

  async function act(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      await load();
    } catch (error) {
      setFailure(expected(error));
    }
  }

  const others = devices?.filter((each) => each.handle !== handle) ?? [];
  return (
    <section aria-labelledby="devices">
      <h2 id="devices">{said("Where you are signed in")}</h2>
      {failure?.kind === "stale" && !isWithoutPassword && <Confirmation email={email} handle={handle} />}
      {failure?.kind === "stale" && isWithoutPassword && (
        <p>
          {said("You signed in a while ago.")} <a href="/account">{said("See your devices at your account")}</a>
        </p>
      )}
      {failure && failure.kind !== "stale" && <FailureMessage failure={failure} retry={() => void load()} />}
      {devices && (
        <ul className="devices">
          {[...devices]
            .sort((one, other) => Number(other.handle === handle) - Number(one.handle === handle))
            .map((device) => (
              <li key={device.handle}>
                <div>
                  <strong>{nameDevice(device.userAgent)}</strong>
                  {device.handle === handle && <span className="badge">{said("This device")}</span>}
                  <p className="hint">
                    {device.address && <>{device.address} · </>}
                    {said("signed in {when}", { when: sinceWhen(device.signedInAt, now) })} ·{" "}
                    {said("last refresh {when}", { when: sinceWhen(device.refreshedAt, now) })}
                  </p>
                </div>
                {device.handle !== handle && (
                  <button
                    type="button"
                    aria-label={signOutOf(nameDevice(device.userAgent), device.address)}
                    onClick={() => void act(() => auth.revokeDevice(device.handle))}
                  >
                    {said("Sign out")}
                  </button>
                )}
              </li>
            ))}
        </ul>
      )}
      {devices && (
        <div className="actions">
          {others.length > 0 && (
            <button type="button" onClick={() => void act(auth.revokeOtherDevices)}>
              {said("Sign out everywhere else")}
            </button>
          )}
          <button type="button" className="danger" onClick={() => void act(() => auth.signOutEverywhere().then(leave))}>
            {said("Sign out everywhere")}
          </button>
        </div>
      )}
    </section>
  );
}

function signOutOf(device: string, address: string): string {
  if (address === "") return said("Sign out {device}", { device });
  return said("Sign out {device} at {address}", { device, address });
}

function Confirmation({ email, handle }: { email: string; handle: string }): ReactNode {
  const [password, setPassword] = useState("");
  const submission = useSubmission(["password"], () => auth.confirm(email, password, handle));
  return (
    <form noValidate onSubmit={(event) => void submission.submit(event)}>
      <p>{said("You signed in a while ago. To see your devices, confirm that it is you.")}</p>
      <input type="email" name="username" autoComplete="username" value={email} readOnly hidden />
      <PasswordField
        label={said("Password")}
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={setPassword}
        error={submission.errorOf("password")}
      />
      <SubmitButton submission={submission}>{said("Confirm")}</SubmitButton>
    </form>
  );
}
