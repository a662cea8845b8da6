"""Alembic's entry: runs the revisions on the database that `migrate` names."""

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=context.config.attributes["metadata"], render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
