import type { StartReview } from "../../ipc/bindings/StartReview";
import { usePanel, useServer } from "../../state/panel";
import { useAction, useQuery } from "../../state/query";
import { go, href } from "../../state/route";
import { Blank, Skeleton } from "../../ui/Blank";
import { Button } from "../../ui/Button";
import { Difference } from "../../ui/Difference";
import { Icon } from "../../ui/Icon";
import { Card, Page, Section } from "../../ui/Page";
import { ProblemNote } from "../../ui/Problem";
import { Review } from "../add/Review";
import styles from "../changes/Changes.module.css";

/** How a server would be started whose start was changed outside the panel. */
export function StartPage({ name }: { name: string }) {
  const server = useServer(name);
  return (
    <Page
      title={`Start ${name}?`}
      subject={`start ${name}`}
      above={
        <a className={styles.back} href={href({ page: "tools" })}>
          <Icon name="left" /> Tools
        </a>
      }
      intro="It was added or changed outside Drawbridge. It waits until you have looked."
    >
      {server?.startWaits ? (
        <Waiting name={name} />
      ) : (
        <Card>
          <Blank
            icon="check"
            title="Nothing waits here"
            action={<Button onClick={() => go({ page: "tools" })}>All tools</Button>}
          >
            {server
              ? "This server is started as you have agreed."
              : "This server is not here any more."}
          </Blank>
        </Card>
      )}
    </Page>
  );
}

function Waiting({ name }: { name: string }) {
  const { host, store, notices } = usePanel();
  const loaded = useQuery(name, () => host.call("start_review", { server: name }));
  const agree = useAction(async (fingerprint: string) => {
    try {
      await host.call("agree_to_start", { server: name, fingerprint });
    } catch (thrown) {
      // What was shown may not be what would be started any more.
      loaded.reload();
      throw thrown;
    }
    await store.refresh();
    notices.show({ tone: "done", text: `${name} is starting.` });
    go({ page: "server", server: name, tab: "state" });
  });
  if (loaded.kind === "loading") return <Skeleton rows={4} label="Reading how it is started" />;
  if (loaded.kind === "failed") {
    return (
      <ProblemNote problem={loaded.error.problem} alert>
        <Button icon="restart" onClick={loaded.reload}>
          Try again
        </Button>
      </ProblemNote>
    );
  }
  const { preview, fingerprint } = loaded.value;
  return (
    <>
      <WhatIsDifferent review={loaded.value} />
      <Card>
        <Review preview={preview} start />
      </Card>
      {agree.error && <ProblemNote problem={agree.error.problem} alert />}
      <div className={styles.actions}>
        <Button data-testid="leave-it" onClick={() => go({ page: "tools" })}>
          Leave it
        </Button>
        <Button
          kind="primary"
          icon="play"
          busy={agree.busy}
          disabled={preview.problem !== null}
          data-testid="start-it"
          onClick={() => void agree.start(fingerprint)}
        >
          Start it<span className="unseen">: {name}</span>
        </Button>
      </div>
    </>
  );
}

function WhatIsDifferent({ review: { difference } }: { review: StartReview }) {
  return (
    <Section title="What is different" testId="start-difference">
      {difference.length === 0 ? (
        <p>This server was added outside Drawbridge.</p>
      ) : (
        <>
          <p className={styles.legend}>
            Compared with what you agreed to before. Words that are <del>struck through</del> have
            gone, words that are <ins>underlined</ins> are new.
          </p>
          <Difference pieces={difference} label="How it is started" mono />
        </>
      )}
    </Section>
  );
}
